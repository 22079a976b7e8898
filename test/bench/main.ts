/**
 * `npm run bench`: how fast lockd is, with every answer on disk, and whether it reaches its bars. Beside it, in turn in one
 * run, so that the ratios hold where the machine's speed does not: a bare node:http echo of the same bodies, the server of
 * the package `xmlrpc` (which answers the same, member for member), and etcd where it is installed.
 *
 *     npm run bench                               everything but the soak
 *     npm run bench -- --soak 10                  500 mixed calls a second for so many minutes
 *     npm run bench -- --parts pairs,one-call     some only: pairs, cluster (lockd on etcd), one-call, users, events, held,
 *                                                 snapshot, waiters, soak
 *     npm run bench -- --rounds 3 --seconds 5     longer runs, fewer of them
 *     npm run bench -- --load sockets             the leanest load; the bars are for the other, Node's own HTTP client
 *     npm run bench -- --directory DIR            another disk
 *     npm run bench -- --json                     numbers only
 *
 * Tables go to standard output, progress to standard error. Exit status 1: a bar was missed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Bar, barRows, barsOf, type Measured } from './bars.js';
import { measureCluster } from './cluster.js';
import { compare } from './comparison.js';
import { type EventsResult, measureEvents } from './events.js';
import { measureHeld } from './held.js';
import { measureOneCall } from './one-call.js';
import { type BenchOptions, benchOptions, type Part } from './options.js';
import {
  printCluster,
  printEvents,
  printHeld,
  printOneCall,
  printPairs,
  printSnapshot,
  printSoak,
  printUsers,
  printWaiters,
} from './print.js';
import { measureSnapshot } from './snapshot.js';
import { soak } from './soak.js';
import { printTable } from './table.js';
import { measureUsers, type UsersResult } from './users.js';
import { measureWaiters, type WaitersResult } from './waiters.js';

type Results = { -readonly [K in keyof Measured]: Measured[K] } & {
  users?: UsersResult;
  events?: EventsResult;
  waiters?: WaitersResult[];
};

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readOptions(): BenchOptions {
  try {
    return benchOptions(process.argv.slice(2));
  } catch (error) {
    progress((error as Error).message);
    return process.exit(2);
  }
}

async function measureAll(given: BenchOptions, directory: string): Promise<Results> {
  const options = { ...given, directory, progress };
  const results: Results = {};
  const steps: Readonly<Record<Part, () => Promise<void>>> = {
    pairs: async () => {
      results.pairs = [...(await compare(1, options)), ...(await compare(64, options))];
    },
    cluster: async () => {
      const cluster = await measureCluster(options);
      if (cluster) results.cluster = cluster;
    },
    'one-call': async () => {
      results.oneCall = await measureOneCall(options);
    },
    users: async () => {
      results.users = await measureUsers(options);
    },
    events: async () => {
      results.events = await measureEvents(given.readers, options);
    },
    held: async () => {
      results.held = await measureHeld(given.held, options);
    },
    snapshot: async () => {
      results.snapshot = await measureSnapshot(given.held, options);
    },
    waiters: async () => {
      results.waiters = [];
      for (const count of given.waiters) results.waiters.push(await measureWaiters(count, options));
    },
    soak: async () => {
      results.soak = await soak(given.soakMinutes, options);
    },
  };
  for (const part of given.parts) await steps[part]();
  return results;
}

function print(results: Results, bars: readonly Bar[]): void {
  const table = <T>(result: T | undefined, show: (result: T) => void) => {
    if (result === undefined) return;
    show(result);
    console.log();
  };
  table(results.pairs, printPairs);
  table(results.cluster, printCluster);
  table(results.oneCall, printOneCall);
  table(results.users, printUsers);
  table(results.events, printEvents);
  table(results.held, printHeld);
  table(results.snapshot, printSnapshot);
  table(results.waiters, printWaiters);
  table(results.soak, printSoak);
  printTable(barRows(bars));
}

/** Node's own client is what a program has. The ratios of other loads say something else. */
function judgeable({ kind }: BenchOptions, results: Results): Measured {
  if (kind === 'http') return results;
  const { pairs: _, oneCall: __, cluster: ___, ...rest } = results;
  return rest;
}

const options = readOptions();
const directory = mkdtempSync(join(options.directory, 'lockd-bench-'));
// However it ends: the servers are killed first (servers.ts), and take a moment.
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const results = await measureAll(options, directory);
const bars = barsOf(judgeable(options, results));
const { kind: load, seconds, rounds } = options;
if (options.json)
  console.log(JSON.stringify({ node: process.version, load, seconds, rounds, ...results, bars }, null, 2));
else print(results, bars);
if (bars.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
