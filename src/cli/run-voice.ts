/**
 * What `lockd run` says while its command runs, always on standard error. A pipe that nobody reads, or a terminal that was
 * stopped with ^S, must not hold us up: the lease is renewed by the same thread. So the writing is done by another one.
 */
import { writeFile } from 'node:fs';
import { printable } from './printable.js';
import type { Terminal } from './terminal.js';

export class Voice {
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly terminal: Terminal) {}

  /** Says one line, as `{"message": ...}` with --json. */
  say(message: string): void {
    const { json, world } = this.terminal;
    const line = `${json ? JSON.stringify({ message }) : printable(message)}\n`;
    this.#last = this.#last.then(() =>
      world.stderr === process.stderr ? write(line) : tell(world.stderr, line),
    );
  }

  /** Resolves when all was written that can be. */
  async finish(): Promise<void> {
    await this.#last;
  }
}

function write(line: string): Promise<void> {
  return new Promise((resolve) => {
    writeFile(process.stderr.fd, line, (error) => {
      // Full, and made not to wait by whoever gave it to us: then the stream does not wait either.
      if (error?.code === 'EAGAIN') process.stderr.write(line);
      resolve();
    });
  });
}

function tell(output: Terminal['world']['stderr'], line: string): void {
  output.write(line);
}
