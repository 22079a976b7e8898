/** A file that fills a file system. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Filler {
  readonly #path: string;

  constructor(mount: string) {
    this.#path = join(mount, 'filler');
  }

  /** Takes all the space there is at this moment. */
  fill(): void {
    for (const chunk of [1 << 16, 1 << 12, 1]) {
      try {
        for (;;) writeFileSync(this.#path, Buffer.alloc(chunk), { flag: 'a' });
      } catch {
        // Full; what is left is filled in smaller pieces.
      }
    }
  }

  /** Gives it back. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
