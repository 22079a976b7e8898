/** Standard output of `lockd watch`: at the pace of who reads it, and for as long as somebody does. */
import { Socket } from 'node:net';
import type { FileStatus } from '../service/api.js';
import type { Terminal } from './terminal.js';
import { whenUnread } from './unread.js';
import { WatchLines } from './watch-lines.js';

export class WatchOutput {
  readonly #closed = new AbortController();
  readonly #lines: WatchLines;
  readonly #stopLooking: () => void;

  constructor(private readonly terminal: Terminal) {
    this.#lines = new WatchLines(terminal);
    this.#stopLooking = isPipe(terminal.world.stdout)
      ? whenUnread(process.stdout.fd, () => this.#closed.abort())
      : () => undefined;
  }

  /** Fires when nobody reads any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Looks no longer whether somebody reads. */
  stop(): void {
    this.#stopLooking();
  }

  /** Tells of changes; what changes meanwhile is told with the next look. As `write`. */
  async tell(changes: readonly FileStatus[], signal: AbortSignal): Promise<void> {
    const time = new Date();
    const lines = this.terminal.json
      ? changes.map((status) => `${JSON.stringify({ time, ...status })}\n`).join('')
      : this.#lines.text(changes, time);
    await this.write(lines, signal);
  }

  /** Resolves when there is room for more; rejects on the signal. */
  async write(lines: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (lines === '') return;
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      const done = (error?: Error | null) => {
        signal.removeEventListener('abort', stop);
        // Other failures than a closed pipe are told where the process is at home; there is no going on after any.
        if (error) this.#closed.abort();
        resolve();
      };
      if (this.terminal.world.stdout.write(lines, done) !== false) done();
    });
  }
}

/** Whether this is our standard output, and another process reads it. */
function isPipe(output: Terminal['world']['stdout']): boolean {
  const { isTTY } = output;
  return output === process.stdout && output instanceof Socket && !isTTY;
}
