/**
 * `npm run bench`: how fast lockd is, beside a bare node:http echo of the same bodies and the server of the package
 * `xmlrpc`, in turn in one run, so that the ratios hold where the machine's speed does not. The package's server answers
 * what lockd answers, member for member; the echo answers what it was sent. `-- --json` for numbers only, `-- --seconds 5`
 * for longer runs, `-- --directory DIR` for another disk, `-- --load sockets` for the leanest load.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type EventsResult, measureEvents } from './events.js';
import { type HeldResult, measureHeld } from './held.js';
import { type LoadKind, type LoadResult, runLoad } from './load.js';
import { type RunningServer, startEcho, startLockd, startPackage } from './servers.js';
import { median, printTable } from './table.js';
import { measureUsers, type UsersResult } from './users.js';
import { measureWaiters, type WaitersResult } from './waiters.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    load: { type: 'string', default: 'http' },
    held: { type: 'string', default: '100000' },
    waiters: { type: 'string', default: '10,10000' },
    readers: { type: 'string', default: '50' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const kind: LoadKind = values.load === 'sockets' ? 'sockets' : 'http';

interface Row {
  readonly connections: number;
  readonly server: string;
  readonly pairsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** lockd's pairs per second over this server's: the median of the rounds. */
  readonly ratio: number;
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function compare(connections: number, directory: string): Promise<Row[]> {
  const servers = new Map([
    ['lockd', await startLockd(join(directory, `locks-${connections}`))],
    ['node:http echo', await startEcho()],
    ['package xmlrpc', await startPackage()],
  ]);
  try {
    return await measure(connections, servers);
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

async function measure(connections: number, servers: ReadonlyMap<string, RunningServer>): Promise<Row[]> {
  for (const { url } of servers.values()) await runLoad({ url, kind, connections, seconds });
  const results = new Map<string, LoadResult[]>([...servers.keys()].map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    progress(`${connections} connections, round ${round} of ${rounds}`);
    for (const [name, { url }] of servers) {
      results.get(name)?.push(await runLoad({ url, kind, connections, seconds }));
    }
  }
  const lockd = results.get('lockd') ?? [];
  return [...results].map(([server, runs]) => ({
    connections,
    server,
    pairsPerSecond: median(runs.map((run) => run.pairsPerSecond)),
    p50: median(runs.map((run) => run.p50)),
    p99: median(runs.map((run) => run.p99)),
    ratio: median(
      runs.map((run, index) => (lockd[index]?.pairsPerSecond ?? Number.NaN) / run.pairsPerSecond),
    ),
  }));
}

function print(
  rows: readonly Row[],
  users: UsersResult,
  events: EventsResult,
  held: HeldResult,
  waiters: readonly WaitersResult[],
): void {
  printTable([
    ['connections', 'server', 'pairs/s', 'p50 ms', 'p99 ms', 'lockd is'],
    ...rows.map((row) => [
      String(row.connections),
      row.server,
      row.pairsPerSecond.toFixed(0),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      row.server === 'lockd' ? '' : `${row.ratio.toFixed(2)} times as fast`,
    ]),
  ]);
  console.log();
  printTable([
    ['lockd, 64 connections', 'pairs/s', 'processor µs a call', 'against an open one'],
    ['open', users.open.pairsPerSecond.toFixed(0), users.open.microseconds.toFixed(1), ''],
    [
      'with users',
      users.signedIn.pairsPerSecond.toFixed(0),
      users.signedIn.microseconds.toFixed(1),
      `${users.ratio.toFixed(2)} times the processor time`,
    ],
  ]);
  console.log();
  printTable([
    ['lockd, 64 connections', 'pairs/s', 'processor µs a call', 'against nobody who reads events'],
    ['nobody reads events', events.none.pairsPerSecond.toFixed(0), events.none.microseconds.toFixed(1), ''],
    ...(['all', 'windows'] as const).map((one) => [
      `${events.readers} read ${one === 'all' ? 'all of them' : 'other ones'}`,
      events[one].pairsPerSecond.toFixed(0),
      events[one].microseconds.toFixed(1),
      `${(one === 'all' ? events.allRatio : events.windowsRatio).toFixed(2)} times the processor time`,
    ]),
  ]);
  console.log();
  printTable([
    ['locks held', 'start s', 'memory MB', 'pairs/s, 64 connections', 'against none held'],
    [
      '0',
      held.none.startSeconds.toFixed(2),
      held.none.megabytes.toFixed(0),
      held.none.pairsPerSecond.toFixed(0),
      '',
    ],
    [
      held.count.toLocaleString('en'),
      held.many.startSeconds.toFixed(2),
      held.many.megabytes.toFixed(0),
      held.many.pairsPerSecond.toFixed(0),
      `${held.ratio.toFixed(2)} times as fast`,
    ],
  ]);
  console.log();
  printTable([
    ['waiting for one lock', 'hand-over p50 ms', 'p99 ms', 'measured'],
    ...waiters.map(({ waiters: count, p50, p99, handOvers }) => [
      count.toLocaleString('en'),
      p50.toFixed(2),
      p99.toFixed(2),
      String(handOvers),
    ]),
  ]);
}

const directory = mkdtempSync(join(values.directory, 'lockd-bench-'));
try {
  const rows = [...(await compare(1, directory)), ...(await compare(64, directory))];
  const users = await measureUsers({ directory, rounds, seconds, kind, progress });
  const events = await measureEvents(Number(values.readers), { directory, rounds, seconds, kind, progress });
  const held = await measureHeld(Number(values.held), { directory, rounds, seconds, kind, progress });
  const waiters: WaitersResult[] = [];
  for (const count of values.waiters.split(',').map(Number)) {
    waiters.push(await measureWaiters(count, { directory, progress }));
  }
  if (values.json)
    console.log(
      JSON.stringify(
        { node: process.version, load: kind, seconds, rounds, rows, users, events, held, waiters },
        null,
        2,
      ),
    );
  else print(rows, users, events, held, waiters);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
