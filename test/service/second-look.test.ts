/** Histories that a second reader found: each once lost, freed or told something that it should not have. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { newestSegment, temporaryDirectory } from '../store/fixture.js';
import { HeldDisk } from '../store/held-disk.js';
import { FULL, lockFiles, openDaemon, outcome } from './fixture.js';

const ALWAYS = Number.POSITIVE_INFINITY;

test('what is left of a full disk belongs to those who give back: with the room that ships, too', async () => {
  const directory = temporaryDirectory();
  const { lockd, disk } = await openDaemon(directory, { roomBytes: 256 << 10 });
  for (let index = 0; index < 20; index += 1) await lockd.lock(`r${index}`, 'A');
  // Full for as long as the reserve is there, and again when that much was written.
  disk.failNext('write', { ...FULL, times: 1 });
  expect(await outcome(lockd.unlock('r0', 'A'))).toBe(true);
  disk.failNext('create', { code: 'ENOSPC', path: /reserve/, times: ALWAYS });
  fs.rmSync(join(directory, '.lockd', 'reserve'), { force: true });
  disk.failNext('write', { ...FULL, times: 2 });
  await outcome(lockd.unlock('r1', 'A'));
  disk.heal();
  disk.failNext('create', { code: 'ENOSPC', path: /reserve/, times: ALWAYS });
  await lockd.maintain();
  expect(await outcome(lockd.lock('new', 'B'))).toBe(
    `15: No space left in ${directory}; nothing was changed`,
  );
  for (let index = 2; index < 20; index += 1)
    expect(await outcome(lockd.unlock(`r${index}`, 'A'))).toBe(true);
  disk.heal();
  expect(await outcome(lockd.lock('new', 'B'))).toMatchObject({ client: 'B' });
});

test('a foreign file that could not be moved away does not make its lock come back', async () => {
  const directory = temporaryDirectory();
  fs.writeFileSync(join(directory, 'r.resource.lock'), 'old');
  const faulty = new FaultyDisk(nodeDisk);
  faulty.failNext('rename', { code: 'EACCES', path: /adopted/, times: ALWAYS });
  const { lockd, disk } = await openDaemon(directory, { faulty });
  expect(await lockd.status('r')).toMatchObject({ holders: [{ client: 'old' }] });
  expect(lockd.health().status).toBe('degraded');
  await lockd.maintain();
  expect(lockd.health().status).toBe('degraded');
  expect(await outcome(lockd.unlock('r', 'old'))).toMatch(/^15: .*EACCES/);
  disk.heal();
  expect(await lockd.unlock('r', 'old')).toBe(true);
  await lockd.maintain();
  expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  expect(lockFiles(directory)).toEqual([]);
});

test('who asks behind a lock sees it, also while another commit is in flight', async () => {
  const held = new HeldDisk(nodeDisk);
  const { lockd } = await openDaemon(temporaryDirectory(), { faulty: new FaultyDisk(held.disk) });
  held.hold();
  const other = lockd.lock('other', 'A');
  await held.held();
  const lock = lockd.lock('r', 'A');
  const status = lockd.status('r');
  held.release();
  await Promise.all([other, lock]);
  expect(await status).toMatchObject({ state: 'held' });
});

test('a daemon that was taken over during its start touches no lock file of its successor', async () => {
  const directory = temporaryDirectory();
  const first = await openDaemon(directory);
  await first.lockd.lock('a', 'A');
  await first.lockd.close();
  const faulty = new FaultyDisk(nodeDisk);
  // The last moment before the names are compared: the slots folder is made, and then somebody else begins an epoch.
  faulty.before('makeDirectory', () => fs.writeFileSync(first.layout.epoch(3), ''), /slots/);
  fs.writeFileSync(join(directory, 'b.lock'), fs.readFileSync(join(directory, 'a.lock')));
  fs.unlinkSync(join(directory, 'a.lock'));
  await expect(openDaemon(directory, { faulty })).rejects.toThrow('took over');
  expect(lockFiles(directory)).toEqual(['b.lock']);
});

test('a refused force of an unreadable file has its name back durably', async () => {
  const directory = temporaryDirectory();
  fs.writeFileSync(join(directory, 'r.lock'), '');
  const { lockd, disk } = await openDaemon(directory);
  disk.failNext('write', { ...FULL, times: ALWAYS });
  disk.calls.length = 0;
  expect(await outcome(lockd.forceUnlock('r', { reason: 'x' }))).toMatch(/^15: /);
  const ops = disk.calls.filter(({ op }) => op === 'rename' || op === 'syncDirectory').map(({ op }) => op);
  expect(ops.slice(ops.lastIndexOf('rename'))).toEqual(['rename', 'syncDirectory', 'syncDirectory']);
  expect(lockFiles(directory)).toEqual(['r.lock']);
});

test('where its name cannot be had back, nobody is told that nothing was changed', async () => {
  const directory = temporaryDirectory();
  fs.writeFileSync(join(directory, 'r.lock'), '');
  const { lockd, disk } = await openDaemon(directory);
  disk.failNext('write', { ...FULL, times: ALWAYS });
  disk.failNext('rename', { code: 'EIO', path: /\/r\.lock$/, after: 1, times: ALWAYS });
  disk.failNext('rename', { code: 'EIO', path: /locks?-test.*\/r\.lock$/, times: ALWAYS, after: 1 });
  expect(await outcome(lockd.forceUnlock('r', { reason: 'x' }))).toBe('Stopped');
});

test('the health of a deposed daemon is not ok, and asking for it ends the daemon', async () => {
  const { lockd, layout } = await openDaemon(temporaryDirectory());
  fs.writeFileSync(layout.epoch(2), '');
  expect(lockd.health()).toMatchObject({ status: 'degraded' });
  expect((await lockd.failed).name).toBe('Stopped');
});

test('a lock file that somebody moved away goes on saying what it said', async () => {
  const directory = temporaryDirectory();
  const { lockd, clock } = await openDaemon(directory);
  await lockd.lock('r', 'A');
  const kept = join(directory, 'r.lock.bak');
  fs.renameSync(join(directory, 'r.lock'), kept);
  const content = fs.readFileSync(kept, 'utf8');
  await lockd.unlock('r', 'A');
  await clock.advance(1_000);
  for (const name of ['o1', 'o2', 'o3']) await lockd.lock(name, 'B');
  expect(fs.readFileSync(kept, 'utf8')).toBe(content);
});

test('a call with values of other types is refused by itself, and the daemon goes on', async () => {
  const { lockd } = await openDaemon(temporaryDirectory());
  const hold = await lockd.lock('r', 'A');
  const untyped = lockd as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
  const calls: [string, unknown[], string][] = [
    ['lock', [], "parameter 'resource' must be a string, not undefined"],
    ['lock', ['a', 5], "parameter 'client' must be a string, not number"],
    ['lock', ['a', 'b', null], "parameter 'options' must be an object"],
    [
      'lock',
      ['a', 'b', { bogus: 1 }],
      "parameter 'options' has no 'bogus'; known: wait, ttl, limit, note, request, claim",
    ],
    ['lock', ['a', 'b', { note: 7 }], "parameter 'note' must be a string, not number"],
    ['unlock', ['r', 'A', { token: {} }], "parameter 'token' must be a string, not object"],
    ['forceUnlock', ['r'], "parameter 'options' must be an object"],
    ['forceUnlock', ['r', {}], "parameter 'reason' must say why; it is empty"],
    ['list', [{ prefix: 1 }], "parameter 'prefix' must be a string, not number"],
  ];
  for (const [method, values, text] of calls) {
    expect(await outcome(untyped[method]?.call(lockd, ...values) ?? Promise.resolve())).toBe(text);
  }
  expect(await lockd.unlock('r', 'A', { token: Number(hold.token) })).toBe(true);
});

test('a journal that lost its name is not written any more', async () => {
  const directory = temporaryDirectory();
  const { lockd } = await openDaemon(directory);
  await lockd.lock('a', 'A');
  fs.unlinkSync(newestSegment(directory));
  expect(await outcome(lockd.lock('b', 'A'))).toBe('Stopped');
});

/** A directory with the journal of an earlier day, whose lock files go on from there: `old` was unlocked since, `new` locked. */
async function restored() {
  const directory = temporaryDirectory();
  const first = await openDaemon(directory);
  const old = await first.lockd.lock('old', 'A');
  await first.lockd.close();
  const own = join(directory, '.lockd');
  fs.cpSync(own, `${own}.copy`, { recursive: true });
  const second = await openDaemon(directory);
  const lost = await second.lockd.lock('new', 'B');
  await second.lockd.unlock('old', 'A');
  await second.lockd.close();
  fs.rmSync(own, { recursive: true });
  fs.renameSync(`${own}.copy`, own);
  return { directory, old, lost };
}

test('a lock file that is newer than the journal stays a lock, with a later token', async () => {
  const { directory, old, lost } = await restored();
  const { lockd } = await openDaemon(directory);
  const [hold] = (await lockd.status('new')).holders;
  expect(hold).toMatchObject({ client: 'B' });
  expect(Number(hold?.token)).toBeGreaterThan(Number(lost.token));
  expect((await lockd.status('old')).holders).toMatchObject([{ client: 'A', token: old.token }]);
});

test('under another name it still locks what it says itself, also after the maintenance and a restart', async () => {
  const { directory } = await restored();
  fs.renameSync(join(directory, 'new.lock'), join(directory, 'copy.lock'));
  const { lockd } = await openDaemon(directory);
  expect((await lockd.status('new')).holders).toMatchObject([{ client: 'B' }]);
  await lockd.maintain();
  await lockd.close();
  const { lockd: next } = await openDaemon(directory);
  expect((await next.status('new')).holders).toMatchObject([{ client: 'B' }]);
  expect(lockFiles(directory)).toEqual(['new.lock', 'old.lock']);
});

test('of two that are newer than the journal, both of one resource, the later one is true', async () => {
  const { directory } = await restored();
  const path = join(directory, 'new.lock');
  const content = JSON.parse(fs.readFileSync(path, 'utf8'));
  const [holder] = content.holders;
  content.holders = [{ ...holder, client: 'C', token: String(Number(holder.token) + 1) }];
  fs.writeFileSync(join(directory, 'copy.lock'), JSON.stringify(content));
  const { lockd } = await openDaemon(directory);
  expect((await lockd.status('new')).holders).toMatchObject([{ client: 'C' }]);
  await lockd.close();
  const { lockd: next } = await openDaemon(directory);
  expect((await next.status('new')).holders).toMatchObject([{ client: 'C' }]);
});
