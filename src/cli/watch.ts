/**
 * `lockd watch`: follows what is locked, one line for each change, until it is ended.
 *
 * It looks again and again, and says what is not as it was at the look before. What came and went between two looks it
 * does not see: a lock that was had and given back, a place in the line that was left. That somebody else had a lock
 * meanwhile shows in its token, which is another one. `lockd history` misses nothing. A look costs the daemon as much as
 * `lockd list` does, and the pause before the next one begins when it has been answered.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { LockdClient } from '../client/client.js';
import { NoDaemon, NotLockd, RefusedCall } from '../client/errors.js';
import type { FileStatus } from '../service/api.js';
import { defineCommand } from './command.js';
import { CONNECTION } from './connection.js';
import { duration } from './duration.js';
import { DONE } from './exit-status.js';
import { interruptible } from './interruption.js';
import { printable } from './printable.js';
import { optional, withDefault } from './setting.js';
import type { Terminal } from './terminal.js';
import { text } from './values.js';
import { changesBetween, type Sight } from './watch-changes.js';
import { WatchLines } from './watch-lines.js';

/** Seconds between two looks: no less, for the daemon has other things to do. */
const MIN_INTERVAL_SECONDS = 0.1;
const MAX_INTERVAL_SECONDS = 3_600;

export const watch = defineCommand({
  name: 'watch',
  summary: 'follow what is locked: one line for each change, until it is ended',
  words: [['[prefix]', 'short for --prefix']],
  settings: {
    ...CONNECTION,
    prefix: optional('TEXT', 'only resources that begin so', text),
    interval: withDefault(
      'DURATION',
      'how long to wait between two looks',
      duration(MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS),
      '1s',
    ),
  },
  epilogue: `First comes everything that is locked, then each change: when it was seen, the resource, its state, who holds it, the
token, and the lease, the line and the note. On a terminal in columns, elsewhere with tabs between; with --json one object per
line. What came and went between two looks is not seen: lockd history has it. A daemon that is restarted is waited for.

Example:
  lockd watch deploy/ --json | while read -r change; do ./tell-the-chat "$change"; done`,
  run: ({ settings: { url, prefix = '', interval }, terminal }) =>
    interruptible('The watch', async (signal) => {
      // The first look is like any call; once it has been answered, an outage is told at once and waited out.
      const asking = new LockdClient({ url, signal });
      const watching = new LockdClient({ url, signal, retry: { attempts: 1 } });
      const output = new WatchOutput(terminal, signal);
      try {
        let seen = await look(asking, prefix);
        await output.tell([...seen.values()]);
        while (!output.isClosed) {
          await pause(interval * 1_000, undefined, { signal });
          const now = await lookThroughOutages(watching, prefix, interval, { signal, terminal });
          await output.tell(changesBetween(seen, now));
          seen = now;
        }
        return DONE;
      } catch (error) {
        // To be ended is how a watch ends.
        if (signal.aborted) return DONE;
        throw error;
      } finally {
        asking.close();
        watching.close();
      }
    }),
});

async function look(client: LockdClient, prefix: string): Promise<Sight> {
  const sight = new Map<string, FileStatus>();
  for await (const status of client.listAll({ prefix })) sight.set(status.resource, status);
  return sight;
}

interface Watching {
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** Looks until it is answered. Rejects with what does not pass by itself, and on the signal. */
async function lookThroughOutages(
  client: LockdClient,
  prefix: string,
  interval: number,
  { signal, terminal }: Watching,
): Promise<Sight> {
  let isOut = false;
  for (;;) {
    try {
      const sight = await look(client, prefix);
      if (isOut) terminal.aside('The daemon answers again');
      return sight;
    } catch (error) {
      if (signal.aborted || !isOutage(error)) throw error;
      if (!isOut) terminal.aside(printable(`${error.message}. The watch goes on when it answers again`));
      isOut = true;
    }
    await pause(interval * 1_000, undefined, { signal });
  }
}

/** Nobody answers, or a proxy does instead, or the daemon is just stopping or starting. */
function isOutage(error: unknown): error is Error {
  if (error instanceof RefusedCall) return error.refusal === 'unavailable';
  return error instanceof NoDaemon || error instanceof NotLockd;
}

/** Standard output, at the pace of who reads it. */
class WatchOutput {
  /** Nobody reads any more. */
  isClosed = false;
  readonly #lines: WatchLines;

  constructor(
    private readonly terminal: Terminal,
    private readonly signal: AbortSignal,
  ) {
    this.#lines = new WatchLines(terminal);
  }

  /** Resolves when there is room for more; rejects on the signal. What changes meanwhile is told with the next look. */
  async tell(changes: readonly FileStatus[]): Promise<void> {
    if (changes.length === 0) return;
    const time = new Date();
    const lines = this.terminal.json
      ? changes.map((status) => `${JSON.stringify({ time, ...status })}\n`).join('')
      : this.#lines.text(changes, time);
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(this.signal.reason);
      this.signal.addEventListener('abort', stop, { once: true });
      const done = (error?: Error | null) => {
        this.signal.removeEventListener('abort', stop);
        // Other failures than a closed pipe are told where the process is at home; there is no going on after any.
        if (error) this.isClosed = true;
        resolve();
      };
      if (this.terminal.world.stdout.write(lines, done) !== false) done();
    });
  }
}
