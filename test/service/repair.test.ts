/**
 * `lockd fsck --repair`: each kind of damage in a directory with a past, what a daemon finds there afterwards, and what it
 * finds if the repair itself is killed at any step and run again.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_LISTED_HOLDERS } from '../../src/core/limits.js';
import { claimDirectory } from '../../src/disk/claim.js';
import type { Disk } from '../../src/disk/disk.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { lockFileName } from '../../src/lock-files/names.js';
import { inspectDirectory } from '../../src/service/fsck.js';
import { Lockd } from '../../src/service/lockd.js';
import { repairDirectory } from '../../src/service/repair.js';
import { crashCopy, newestSegment, segmentNames, temporaryDirectory } from '../store/fixture.js';
import { ManualClock } from './fixture.js';

/** Who holds what, and who waits, as `resource: client ttl | waiting`. */
type State = Record<string, string>;

const PAST: State = { a: 'A', b: 'B 60s', d: 'D', s: 'S1, S2', w: 'W | V' };

/** Each call is a turn of its own. `c` was unlocked, `w` handed over, `s` is a semaphore that one has left. */
async function past(restart: boolean): Promise<string> {
  const directory = temporaryDirectory();
  let lockd = await Lockd.open({ directory, roomBytes: 0 });
  await lockd.lock('a', 'A');
  await lockd.lock('c', 'C');
  if (restart) {
    await lockd.close();
    lockd = await Lockd.open({ directory, roomBytes: 0 });
  }
  await lockd.lock('b', 'B', { ttl: 60 });
  await lockd.lock('s', 'S0', { limit: 3 });
  await lockd.lock('s', 'S1', { limit: 3 });
  await lockd.lock('w', 'X');
  await lockd.enqueue('w', 'W', { claim: 600 });
  await lockd.enqueue('w', 'V', { claim: 600 });
  await lockd.unlock('c', 'C');
  await lockd.unlock('s', 'S0');
  await lockd.lock('s', 'S2', { limit: 3 });
  const waiting = lockd.wait('w', 'W', 60);
  await lockd.unlock('w', 'X');
  await waiting;
  await lockd.lock('d', 'D');
  await lockd.lock('last', 'L');
  await lockd.unlock('last', 'L');
  const copy = crashCopy(directory);
  await lockd.close();
  return copy;
}

/** What a daemon finds; `?` stands for nobody knows. */
async function found(directory: string): Promise<State> {
  const lockd = await Lockd.open(directory);
  try {
    const statuses = await lockd.list();
    return Object.fromEntries(
      statuses.map(({ resource, state, holders, queue }) => {
        const held = holders.map(({ client, ttl }) => `${client}${ttl === undefined ? '' : ` ${ttl}s`}`);
        const line = queue.length > 0 ? ` | ${queue.map(({ client }) => client).join(', ')}` : '';
        return [resource, `${state === 'unreadable' ? '?' : held.sort().join(', ')}${line}`];
      }),
    );
  } finally {
    await lockd.close();
  }
}

async function tokens(directory: string): Promise<Map<string, number>> {
  const lockd = await Lockd.open(directory);
  const holders = (await lockd.list()).flatMap((status) => status.holders);
  await lockd.close();
  return new Map(holders.map(({ resource, client, token }) => [`${resource} ${client}`, Number(token)]));
}

/** The newest segment, line by line. */
function edit(directory: string, change: (lines: string[]) => string[]): void {
  const path = newestSegment(directory);
  const lines = fs.readFileSync(path, 'utf8').trimEnd().split('\n');
  fs.writeFileSync(path, `${change(lines).join('\n')}\n`);
}

/** The line of the turn with this event. */
function at(lines: readonly string[], event: string, resource: string, client: string): number {
  const index = lines.findIndex(
    (line) =>
      line.startsWith('{"line":"turn"') &&
      line.includes(`{"event":"${event}"`) &&
      line.includes(`"resource":"${resource}","client":"${client}"`),
  );
  expect(index, `${event} ${resource} ${client}`).toBeGreaterThan(0);
  return index;
}

type LineDamage = (line: string) => string | undefined;

/** Its names can still be read. */
const bitFlip: LineDamage = (line) => line.replace('"crc":', '"crb":');
const garbage: LineDamage = (line) => '\u0000'.repeat(line.length);
const gone: LineDamage = () => undefined;

function turn(event: string, resource: string, client: string, damage: LineDamage) {
  return (directory: string) =>
    edit(directory, (lines) => {
      const index = at(lines, event, resource, client);
      return lines.flatMap((line, number) => (number === index ? (damage(line) ?? []) : line));
    });
}

function both(...damages: ((directory: string) => void)[]) {
  return (directory: string) => {
    for (const damage of damages) damage(directory);
  };
}

const remove = (name: string) => (directory: string) => fs.rmSync(join(directory, name));
const own = (directory: string, name: string) => join(directory, '.lockd', name);

interface Case {
  readonly damage: (directory: string) => void;
  /** Whether the past has two starts, so that the newest segment has a snapshot of something. */
  readonly restart?: boolean;
  /** What differs from what was there. */
  readonly differs?: Record<string, string | undefined>;
  /** What the repair says is lost, apart from the missing turns. */
  readonly lost?: readonly RegExp[];
  /** How many sentences about missing turns. */
  readonly losses?: number;
  /** A daemon would have started without the repair. */
  readonly startsAnyway?: boolean;
}

const STAYS_C = /'c' stays locked by 'C'; its lock file is not there/;

const CASES: Record<string, Case> = {
  'a torn tail': {
    damage: (directory) => fs.appendFileSync(newestSegment(directory), '{"line":"turn","tu'),
    startsAnyway: true,
  },
  'a grant that cannot be read: its lock file tells it': {
    damage: turn('granted', 'b', 'B', bitFlip),
    losses: 1,
    lost: [/'b' is locked by 'B': its lock file says so/],
  },
  'a grant of which nothing is left: its lock file tells it': {
    damage: turn('granted', 'd', 'D', gone),
    losses: 1,
    lost: [/'d' is locked by 'D'/],
  },
  'a grant that cannot be read, and no lock file: locked by nobody knows whom': {
    damage: both(turn('granted', 'd', 'D', bitFlip), remove('d.lock')),
    losses: 1,
    lost: [/'d' is locked by '\?': nobody can tell who holds it/],
    differs: { d: '?' },
  },
  'a grant that cannot be read, and its lock file neither': {
    damage: both(turn('granted', 'd', 'D', garbage), (directory) =>
      fs.writeFileSync(join(directory, 'd.lock'), '{"lockd": 1,'),
    ),
    losses: 1,
    lost: [/'d' is locked by '\?'/],
    differs: { d: '?' },
  },
  'a grant of which nothing is left, no lock file either: nobody can know': {
    damage: both(turn('granted', 'd', 'D', garbage), remove('d.lock')),
    losses: 1,
    differs: { d: undefined },
  },
  'a grant that was unlocked later: free, whatever cannot be read': {
    damage: turn('granted', 'last', 'L', bitFlip),
    losses: 1,
  },
  'an unlock that cannot be read: stays locked': {
    damage: turn('unlocked', 'c', 'C', bitFlip),
    losses: 1,
    lost: [STAYS_C],
    differs: { c: 'C' },
  },
  'an unlock of which nothing is left: stays locked': {
    damage: turn('unlocked', 'c', 'C', gone),
    losses: 1,
    lost: [STAYS_C],
    differs: { c: 'C' },
  },
  'a hand-over that cannot be read: the later token has it': {
    damage: turn('unlocked', 'w', 'X', garbage),
    losses: 1,
    lost: [/'w' is locked by 'W': its lock file says so/],
  },
  'a semaphore that one has left: stays as full as it may be': {
    damage: turn('unlocked', 's', 'S0', bitFlip),
    losses: 1,
    lost: [/'s' is locked by 'S1', 'S2', 'S0'|'s' is locked by 'S0', 'S1', 'S2'/],
    differs: { s: 'S0, S1, S2' },
  },
  'two turns, each for itself': {
    damage: both(turn('granted', 'b', 'B', garbage), turn('unlocked', 'c', 'C', garbage)),
    losses: 2,
    lost: [/'b' is locked by 'B'/, STAYS_C],
    differs: { c: 'C' },
  },
  'a damaged snapshot, and the segment before it': {
    restart: true,
    damage: (directory) =>
      edit(directory, (lines) => lines.map((line, n) => (n === 1 ? (bitFlip(line) ?? '') : line))),
  },
  'a damaged head, and the segment before it': {
    restart: true,
    damage: (directory) =>
      edit(directory, (lines) => lines.map((line, n) => (n === 0 ? (garbage(line) ?? '') : line))),
  },
  'a damaged snapshot, and no other: the lock files tell': {
    restart: true,
    damage: both(
      (directory) => fs.rmSync(own(directory, segmentNames(directory)[0] ?? '')),
      (directory) =>
        edit(directory, (lines) => lines.map((line, n) => (n === 1 ? (garbage(line) ?? '') : line))),
    ),
    losses: 1,
    lost: [/'a' is locked by 'A': its lock file/],
  },
  'a newest segment without a byte': {
    restart: true,
    damage: (directory) => fs.truncateSync(newestSegment(directory), 0),
    losses: 1,
    lost: ['b', 'd', 's', 'w'].map((name) => new RegExp(`'${name}' is locked by`)).concat(STAYS_C),
    // Places have no file.
    differs: { c: 'C', w: 'W' },
  },
  'a directory in the place of the newest segment': {
    restart: true,
    damage: (directory) => {
      const path = newestSegment(directory);
      fs.rmSync(path);
      fs.mkdirSync(path);
    },
    losses: 2,
    lost: ['b', 'd', 's', 'w'].map((name) => new RegExp(`'${name}' is locked by`)).concat(STAYS_C),
    differs: { c: 'C', w: 'W' },
  },
  'an older segment under the name of the newest': {
    restart: true,
    damage: (directory) => {
      const [older = ''] = segmentNames(directory);
      fs.copyFileSync(own(directory, older), newestSegment(directory));
    },
    losses: 1,
    lost: ['b', 'd', 's', 'w'].map((name) => new RegExp(`'${name}' is locked by`)).concat(STAYS_C),
    differs: { c: 'C', w: 'W' },
  },
  'a turn that stands there twice': {
    damage: (directory) =>
      edit(directory, (lines) => {
        const index = at(lines, 'granted', 'b', 'B');
        return lines.flatMap((line, number) => (number === index ? [line, line] : line));
      }),
  },
  'nothing but garbage in all segments: the lock files tell': {
    restart: true,
    damage: (directory) => {
      for (const name of segmentNames(directory))
        fs.writeFileSync(own(directory, name), 'garbage\n'.repeat(9));
    },
    losses: 2,
    lost: ['a', 'b', 'd', 's', 'w'].map((name) => new RegExp(`'${name}' is locked by`)),
    differs: { w: 'W' },
  },
  'a directory in the place of the guard, and a file in that of a folder': {
    damage: (directory) => {
      fs.rmSync(own(directory, 'guard'));
      fs.mkdirSync(own(directory, 'guard'));
      fs.rmdirSync(own(directory, 'adopted'));
      fs.writeFileSync(own(directory, 'adopted'), 'x');
      fs.rmSync(own(directory, 'daemon.lock'), { recursive: true });
      fs.writeFileSync(own(directory, 'daemon.lock'), 'x');
    },
  },
  'what a crash left': {
    damage: (directory) => {
      fs.writeFileSync(own(directory, 'journal-0000000009-0000000001.jsonl.tmp'), 'x');
      fs.writeFileSync(own(directory, 'fence-77'), '');
    },
    startsAnyway: true,
  },
};

function expected(differs: Case['differs'] = {}): State {
  return Object.fromEntries(
    Object.entries({ ...PAST, ...differs }).filter(([, state]) => state !== undefined),
  ) as State;
}

/** Every file below `directory` with its content, by inode: two names of one file are one. */
function contents(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(String(fs.statSync(path).ino), fs.readFileSync(path, 'latin1'));
  }
  return found;
}

describe('the table of damages', () => {
  test.each(Object.entries(CASES))('%s', async (_, { damage, restart = false, ...its }) => {
    const directory = await past(restart);
    const before = await tokens(crashCopy(directory));
    damage(directory);
    if (its.startsAnyway) await found(crashCopy(directory));
    else await expect(Lockd.open(crashCopy(directory))).rejects.toThrow();
    expect((await inspectDirectory(directory)).ok).toBe(its.startsAnyway ?? false);
    const bytes = contents(directory);

    const { findings, ok, kept } = await repairDirectory(directory);
    expect(ok).toBe(true);
    expect(kept).toBe(own(directory, 'repaired-0000000001'));
    expect(fs.readdirSync(kept ?? '')).not.toEqual([]);
    for (const { text } of findings) expect(text).toMatch(/^[^:]/);
    const lost = findings.filter(({ level }) => level === 'lost').map(({ text }) => text);
    const { lost: locks = [], losses = 0 } = its;
    for (const pattern of locks) expect(lost).toContainEqual(expect.stringMatching(pattern));
    expect(lost).toHaveLength(losses + locks.length);
    // Nothing is deleted or changed: every file that was there still is somewhere.
    const after = contents(directory);
    for (const [inode, content] of bytes) {
      if (content.includes('"boot"') || content === '') continue;
      expect(after.get(inode)).toBe(content);
    }

    const again = await repairDirectory(directory);
    expect(again.findings[0]).toEqual({ level: 'ok', text: 'There was nothing to mend' });
    expect(again).toMatchObject({ ok: true, kept: undefined });

    expect(await found(directory)).toEqual(expected(its.differs));
    // The same tokens as before, and later ones above all of them.
    const now = await tokens(directory);
    for (const [holder, token] of now) if (before.has(holder)) expect(token, holder).toBe(before.get(holder));
    const lockd = await Lockd.open(directory);
    const { token } = await lockd.lock('new', 'N');
    expect(Number(token)).toBeGreaterThan(Math.max(...before.values(), ...now.values()));
    await lockd.close();
    expect((await inspectDirectory(directory)).ok).toBe(true);
  });
});

/** One client holds `resource` between two others; then the journal and the lock file are damaged, and repaired. */
async function repairedAround(resource: string, journal: LineDamage, lockFile: (path: string) => void) {
  const directory = temporaryDirectory();
  const lockd = await Lockd.open({ directory, roomBytes: 0 });
  for (const name of ['before', resource, 'after']) await lockd.lock(name, 'A');
  const copy = crashCopy(directory);
  await lockd.close();
  turn('granted', resource, 'A', journal)(copy);
  lockFile(join(copy, lockFileName(resource)));
  expect(await repairDirectory(copy)).toMatchObject({ ok: true });
  return Lockd.open(copy);
}

test.each([
  ['whose lock file has the longest name that is not cut', 'm'.repeat(250), bitFlip, fs.rmSync],
  [
    'of which nothing is left but a cut name',
    'm'.repeat(300),
    gone,
    (path: string) => fs.writeFileSync(path, '{"torn'),
  ],
])('nobody gets a resource %s', async (_, resource, journal, lockFile) => {
  const lockd = await repairedAround(resource, journal, lockFile);
  await expect(lockd.lock(resource, 'B')).rejects.toThrow('locked by');
  await lockd.close();
});

test('a disk that does not let us is no defect; once it does, the repair goes on', async () => {
  const directory = await past(false);
  turn('granted', 'b', 'B', bitFlip)(directory);
  const full: Disk = {
    ...nodeDisk,
    create() {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    },
  };
  const repair = repairDirectory(directory, undefined, full);
  await expect(repair).rejects.toThrow(StartRefused);
  await expect(repair).rejects.toThrow(
    `${directory} could not be repaired (ENOSPC: no space left on device)`,
  );
  expect(await repairDirectory(directory)).toMatchObject({ ok: true });
  expect(await found(directory)).toEqual(expected());
});

/** Copies the directory before each call that changes anything: what a kill at that moment leaves. */
function copying(directory: string, copies: string[]): Disk {
  const changes = new Set([
    'makeDirectory',
    'create',
    'link',
    'rename',
    'unlink',
    'syncDirectory',
    'removeDirectory',
  ]);
  return new Proxy(nodeDisk, {
    get(disk, name: keyof Disk) {
      const method = disk[name] as (...given: unknown[]) => unknown;
      if (!changes.has(name)) return method.bind(disk);
      return (...given: unknown[]) => {
        copies.push(crashCopy(directory));
        return method.apply(disk, given);
      };
    },
  });
}

describe('killed at any step, and run again', () => {
  test.each([
    'a grant that cannot be read, and no lock file: locked by nobody knows whom',
    'a grant that cannot be read, and its lock file neither',
    'a hand-over that cannot be read: the later token has it',
    'a newest segment without a byte',
    'a directory in the place of the newest segment',
  ])('%s', async (name) => {
    const { damage, restart = false, differs } = CASES[name] as Case;
    const directory = await past(restart);
    damage(directory);
    const copies: string[] = [];
    await repairDirectory(directory, undefined, copying(directory, copies));
    expect(copies.length).toBeGreaterThan(8);
    for (const [step, copy] of copies.entries()) {
      expect((await repairDirectory(copy)).ok, `step ${step}`).toBe(true);
      expect(await found(copy), `step ${step}`).toEqual(expected(differs));
    }
  });
});

test('what nobody knows is locked until it is forced, and then free', async () => {
  const directory = await past(false);
  both(turn('granted', 'd', 'D', bitFlip), remove('d.lock'))(directory);
  await repairDirectory(directory);
  const lockd = await Lockd.open(directory);
  await expect(lockd.lock('d', 'E')).rejects.toMatchObject({ code: 12 });
  await lockd.forceUnlock('d', { reason: 'D was switched off' });
  await expect(lockd.lock('d', 'E')).resolves.toMatchObject({ client: 'E' });
  await lockd.close();
});

test('tokens rise on above a lock file that lists some of its holders only, where nothing else tells them', async () => {
  const directory = temporaryDirectory();
  const fast = await Lockd.open({ directory, clock: new ManualClock(Date.UTC(2096, 0, 1)) });
  const limit = MAX_LISTED_HOLDERS + 1;
  const granted = [];
  for (let count = 0; count < limit; count += 1)
    granted.push(Number((await fast.lock('s', `S${count}`, { limit })).token));
  const copy = crashCopy(directory);
  await fast.close();
  for (const name of segmentNames(copy)) fs.writeFileSync(join(copy, '.lockd', name), 'garbage');
  await repairDirectory(copy);
  expect(await found(copy)).toEqual({ s: '?' });
  const lockd = await Lockd.open(copy);
  expect(Number((await lockd.lock('new', 'N')).token)).toBeGreaterThan(Math.max(...granted));
  await lockd.close();
});

test('the history goes on over a repair, without the events that were lost', async () => {
  const directory = await past(false);
  turn('granted', 'b', 'B', garbage)(directory);
  await repairDirectory(directory);
  const lockd = await Lockd.open(directory);
  const events = (await lockd.history({ count: 1_000 })).map(({ event, resource }) => `${event} ${resource}`);
  expect(events).toContain('granted a');
  expect(events).toContain('unlocked last');
  expect(events).not.toContain('granted b');
  await lockd.close();
});

test('refused while somebody owns the directory', async () => {
  const directory = temporaryDirectory();
  const lockd = await Lockd.open(directory);
  await lockd.lock('a', 'A');
  const claim = claimDirectory(new Layout(directory), () => undefined);
  await expect(claim).rejects.toThrow('is owned by another lockd');
  await expect(repairDirectory(directory)).rejects.toThrow('is owned by another lockd');
  expect(await lockd.unlock('a', 'A')).toBe(true);
  await lockd.close();
});

test('a directory that no lockd has seen is left as it is', async () => {
  const directory = temporaryDirectory();
  fs.writeFileSync(join(directory, 'x.lock'), 'alice');
  expect(await repairDirectory(directory)).toMatchObject({ ok: true, kept: undefined });
  expect(fs.readdirSync(directory)).toEqual(['x.lock']);
});

test('a file in the place of the folder of lockd is moved away; lock files are locks again', async () => {
  const directory = temporaryDirectory();
  fs.writeFileSync(join(directory, 'x.lock'), 'alice');
  fs.writeFileSync(join(directory, '.lockd'), 'mine');
  const { kept, ok } = await repairDirectory(directory);
  expect({ kept, ok }).toEqual({ kept: join(directory, '.lockd.damaged'), ok: true });
  expect(fs.readFileSync(join(directory, '.lockd.damaged'), 'utf8')).toBe('mine');
  expect(await found(directory)).toEqual({ x: 'alice' });
});
