/**
 * `lockd watch`: follows what is locked, one line for each change, until it is ended.
 *
 * It looks again and again, and says what is not as it was at the look before. What came and went between two looks it
 * does not see: a lock that was had and given back, a place in the line that was left. That somebody else had a lock
 * meanwhile shows in its token, which is another one. With --events the daemon tells everything itself: watch-events.ts. A
 * look costs the daemon as much as `lockd list` does, and the pause before the next one begins when it has been answered.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { LockdClient } from '../client/client.js';
import { underEither } from '../client/either-signal.js';
import { NoDaemon, NotLockd, RefusedCall } from '../client/errors.js';
import type { FileStatus } from '../service/api.js';
import { defineCommand } from './command.js';
import { CONNECTION, type Connection, connect } from './connection.js';
import { duration } from './duration.js';
import { DONE } from './exit-status.js';
import { interruptible } from './interruption.js';
import { printable } from './printable.js';
import { anyNumberOf, optional, toggle, withDefault } from './setting.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { oneOf, text } from './values.js';
import { changesBetween, type Sight } from './watch-changes.js';
import { followEvents } from './watch-events.js';
import { WatchOutput } from './watch-output.js';

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
    events: toggle('tell every event, as it happens and as lockd history has it'),
    holder: optional('NAME', 'with --events: only what happens to this client', text),
    include: anyNumberOf(
      'KIND',
      'with --events: tell renewed leases (renewed), or also waiters that cannot come back (queued)',
      oneOf('renewed', 'queued'),
    ),
    after: optional('ID', 'with --events: go on behind the event with this id', text),
  },
  epilogue: `First comes everything that is locked, then each change: when it was seen, the resource, its state, who holds it, the
token, and the lease, the line and the note. On a terminal in columns, elsewhere with tabs between; with --json one object per
line. It looks once an interval: several changes of a resource between two looks are one line, and what came and went is not
seen; lockd history has all of it. A daemon that is restarted is waited for. It ends when nobody reads its output any more.

With --events every event is a line: time, event, resource, client, token, by whom and why. No look at the daemon is needed, and
nothing is missed: when the connection is cut, standard error says so, and it goes on behind the last event.

Examples:
  lockd watch --events deploy/
  lockd watch deploy/ --json | while read -r change; do ./tell-the-chat "$change"; done`,
  run: async ({ settings, terminal }) => {
    checkTogether(settings);
    const watching = settings.events ? followEvents : follow;
    const output = new WatchOutput(terminal);
    try {
      return await interruptible('The watch', (ended) =>
        underEither([ended, output.closed], (signal = ended) => watching(settings, signal, output, terminal)),
      );
    } finally {
      output.stop();
    }
  },
});

/** Events are told when they happen, and changes are found by looking: what is meant for one is nothing to the other. */
function checkTogether({ events, holder, include, after }: EventSettings): void {
  if (events) return;
  const given = { holder, after, include: include[0] };
  const wrong = Object.entries(given).find(([, value]) => value !== undefined);
  if (wrong) throw new UsageError(`--${wrong[0]} goes with --events`);
}

interface EventSettings {
  readonly events: boolean;
  readonly holder: string | undefined;
  readonly include: readonly string[];
  readonly after: string | undefined;
}

type WatchSettings = Connection & { readonly prefix: string | undefined; readonly interval: number };

/** Resolves with the exit status when it is ended, which is how a watch ends. */
async function follow(
  settings: WatchSettings,
  signal: AbortSignal,
  output: WatchOutput,
  terminal: Terminal,
): Promise<number> {
  const { prefix = '', interval } = settings;
  // One client for all looks: it knows the cluster that answered the first one.
  const client = connect(settings, { signal });
  try {
    let seen = await look(client, prefix);
    await output.tell([...seen.values()], signal);
    for (;;) {
      await pause(interval * 1_000, undefined, { signal });
      const now = await lookThroughOutages(client, prefix, interval, { signal, terminal });
      await output.tell(changesBetween(seen, now), signal);
      seen = now;
    }
  } catch (error) {
    if (signal.aborted) return DONE;
    throw error;
  } finally {
    client.close();
  }
}

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
