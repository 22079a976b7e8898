/**
 * kill -9 at the system calls of a grant to a waiter, of the end of a lease, and of the start of a fence command: what was
 * acknowledged is there, and nobody is granted what a lost holder may still touch.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { livingHolds } from '../crash/caller.js';
import { LineClient } from '../crash/line-clients.js';
import { LineLedger } from '../crash/line-ledger.js';
import { listening, type Surroundings, startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import { chooseSeed, everySecond, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { traced } from './strace.js';

const CLIENTS = 4;
/** Locks that each client gets in a life. */
const LOCKS = 8;

/** A fence command that notes each token that it has fenced. */
function fenceCommand() {
  const directory = temporaryDirectory();
  const [path, log] = [join(directory, 'fence'), join(directory, 'fenced')];
  writeFileSync(path, `#!/bin/sh\necho $LOCKD_TOKEN >> ${log}\n`, { mode: 0o755 });
  return {
    path,
    isFenced: (token: number) =>
      existsSync(log) && readFileSync(log, 'utf8').split('\n').includes(String(token)),
  };
}

/** A ledger that also wants whoever lost the resource to be fenced before the next grant. */
class FencedLedger extends LineLedger {
  readonly #dead = new Map<string, Set<number>>();

  constructor(private readonly isFenced: (token: number) => boolean) {
    super();
  }

  override granted(...[course, grant, now]: Parameters<LineLedger['granted']>): void {
    super.granted(course, grant, now);
    const dead = this.#dead.get(course.resource) ?? new Set();
    for (const token of dead) {
      if (token >= grant.token) continue;
      if (!this.isFenced(token)) {
        this.problems.push(`${course.client} got ${course.resource} before token ${token} was fenced`);
      }
      dead.delete(token);
    }
    if (course.dies) this.#dead.set(course.resource, dead.add(grant.token));
  }
}

interface World {
  readonly directory: string;
  readonly ledger: LineLedger;
  readonly clients: readonly LineClient[];
  readonly words: readonly string[];
}

/** Clients work until the daemon dies or all have had their locks. Answers whether it died. */
async function live({ directory, ledger, clients, words }: World, tracing: Surroundings, seed: number) {
  const daemon = startServe(words, directory, tracing);
  const running = await listening(daemon, directory).catch(() => undefined);
  if (!running) return true;
  const { url } = running;
  // Only what the daemon says itself counts; whether it lives long enough to say it is another matter.
  const holds = await livingHolds(url).catch(() => undefined);
  if (!holds) return true;
  ledger.restarted(holds, performance.now());
  const random = randomFrom(seed);
  const died = await Promise.all(clients.map((client) => client.work({ url, ledger, random }, LOCKS)));
  await daemon.kill();
  return died.includes(true);
}

/** Two lives that end at a system call, each followed by one without trouble. Answers how many ended there. */
async function dieTwice(inject: string, seed: number): Promise<number> {
  const fence = fenceCommand();
  const world: World = {
    directory: temporaryDirectory(),
    ledger: new FencedLedger(fence.isFenced),
    clients: Array.from({ length: CLIENTS }, (_, index) => new LineClient(`client-${index}`, 3)),
    words: ['--fence-command', fence.path],
  };
  let died = 0;
  for (const life of [seed, seed + 1_000]) {
    const tracing = traced({ trace: inject.split(':')[0] ?? '', inject });
    if (await live(world, tracing, life)) died += 1;
    expect(world.ledger.problems, inject).toEqual([]);
    expect(await live(world, {}, life + 1)).toBe(false);
    expect(world.ledger.problems, inject).toEqual([]);
  }
  expect(world.ledger.grants).toBeGreaterThan(CLIENTS * LOCKS);
  return died;
}

/** At which of its calls a daemon dies. */
const CALLS: Readonly<Record<string, readonly number[]>> = {
  pwrite64: [5, 9, 14, 20, 27, 35, 44],
  fdatasync: [3, 6, 10, 15, 21, 28],
  link: [3, 6, 10, 15],
  unlink: [3, 6, 10, 15],
  // The starts of fence commands and of the programs that take their kernel locks.
  'clone,clone3,vfork,fork': [9, 10, 11, 12, 13, 14],
};

describeWith(['root', 'strace', 'flock'], 'kill -9 at a system call, with lines, leases and fences', () => {
  test.each(Object.entries(CALLS))('%s', async (name, times) => {
    let died = 0;
    const seed = chooseSeed();
    const chosen = times.length > 4 ? everySecond(seed, times) : times;
    const waiting = [...chosen];
    const worker = async () => {
      for (let when = waiting.shift(); when !== undefined; when = waiting.shift()) {
        const ends = await dieTwice(`${name}:signal=KILL:when=${when}`, when);
        died += ends;
      }
    };
    await Promise.all([worker(), worker()]);
    console.log(`${name}: ${died} of ${2 * chosen.length} daemons died there, LOCKD_TEST_SEED=${seed}`);
    expect(died).toBeGreaterThan(0);
  });
});
