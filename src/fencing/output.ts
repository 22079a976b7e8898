/** What a command prints: the beginning is kept, the rest read and dropped, so that no command blocks or fills memory. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes of standard output and standard error together that are kept: enough to see what went wrong. */
export const MAX_OUTPUT_BYTES = 65_536;

/** Characters of a last line that are worth repeating. */
const MAX_LAST_LINE = 120;

/** Milliseconds to wait for the end of the output of a command that is gone. */
const PATIENCE_MS = 500;

export class Output {
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #droppedBytes = 0;
  readonly #closed: Promise<unknown>;

  constructor(private readonly child: ChildProcess) {
    this.#closed = once(child, 'close').catch(() => undefined);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.#take(bytes));
      // A broken pipe is the end of the output, no more.
      stream?.on('error', () => undefined);
    }
  }

  #take(bytes: Buffer): void {
    const kept = bytes.subarray(0, MAX_OUTPUT_BYTES - this.#keptBytes);
    // A copy, so that a few bytes do not keep alive the whole buffer they were read into.
    if (kept.length > 0) this.#kept.push(Buffer.from(kept));
    this.#keptBytes += kept.length;
    this.#droppedBytes += bytes.length - kept.length;
  }

  /** Reads what is left of a command that is gone. Who still has the pipe without being part of the run is not waited for. */
  async finish(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.#closed, delay(PATIENCE_MS, undefined, patience).catch(() => undefined)]);
    patience.abort();
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** The kept text, and how much is missing. */
  get text(): string {
    const text = Buffer.concat(this.#kept).toString('utf8').trimEnd();
    return this.#droppedBytes === 0
      ? text
      : `${text}\n(${this.#droppedBytes.toLocaleString('en')} more bytes)`;
  }

  /** The last line, where it is short and printable and nothing was dropped. */
  get lastLine(): string | undefined {
    if (this.#droppedBytes > 0) return undefined;
    const line = this.text.slice(this.text.lastIndexOf('\n') + 1).trim();
    return line.length <= MAX_LAST_LINE && /^(?:[^\p{C}\p{Z}]| )+$/u.test(line) ? line : undefined;
  }
}
