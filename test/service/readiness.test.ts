/** `readiness()`: whether a lock can be had. What keeps nobody from one is a matter of `health()` alone. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.js';
import { begin, FULL, openDaemon, outcome } from './fixture.js';

const READY = { status: 'ready', problems: [] };

function notReady(...problems: RegExp[]) {
  return { status: 'notReady', problems: problems.map((problem) => expect.stringMatching(problem)) };
}

test('a daemon that is open is ready, also one that holds locks', async () => {
  const { lockd } = await begin();
  expect(lockd.readiness()).toEqual(READY);
  await lockd.lock('r', 'A');
  await outcome(lockd.lock('r', 'B'));
  expect(lockd.readiness()).toEqual(READY);
});

test('a disk that hangs, from the third second on until it answers', async () => {
  const { lockd, clock, held } = await begin();
  held.hold();
  const lock = lockd.lock('r', 'A');
  await held.held();
  clock.freeze(1_000);
  expect(lockd.readiness()).toEqual(READY);
  clock.freeze(2_000);
  expect(lockd.readiness()).toEqual(notReady(/^The disk has not answered for 3 s; changes wait$/));
  held.release();
  await lock;
  expect(lockd.readiness()).toEqual(READY);
});

test('a disk that is full, from the first refusal on until there is room', async () => {
  const { lockd, disk } = await begin();
  disk.failNext('write', FULL);
  expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^15: /);
  for (let look = 0; look < 3; look += 1) {
    expect(lockd.readiness()).toEqual(
      notReady(/^A change was refused: No space left in .*; nothing was changed$/),
    );
  }
  disk.heal();
  expect(lockd.readiness()).toEqual(READY);
  await lockd.lock('r', 'A');
});

test('a disk with so little room that what is left belongs to those who unlock', async () => {
  const { lockd, disk, layout } = await openDaemon(temporaryDirectory());
  disk.failNext('create', { code: 'ENOSPC', path: /reserve/, times: Number.POSITIVE_INFINITY });
  fs.unlinkSync(layout.reserve);
  await lockd.maintain();
  expect(lockd.readiness()).toEqual(notReady(/^There is hardly any space left in /));
  expect(lockd.health()).toMatchObject({ status: 'degraded' });
  expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^15: /);
  disk.heal();
  // Not only at the next maintenance: whoever asks here sends no lock that would find out.
  expect(lockd.readiness()).toEqual(READY);
  await lockd.lock('r', 'A');
});

test('a lock file that cannot be made keeps nobody from a lock: healthy it is not, but ready', async () => {
  const { lockd, disk, directory } = await begin();
  disk.failNext('link', { code: 'EIO', path: /r\.lock$/, times: Number.POSITIVE_INFINITY });
  await lockd.lock('r', 'A');
  expect(fs.existsSync(join(directory, 'r.lock'))).toBe(false);
  expect(lockd.health()).toMatchObject({ status: 'degraded' });
  expect(lockd.readiness()).toEqual(READY);
});

test('a journal that cannot be flushed: never again', async () => {
  const { lockd, disk } = await begin();
  disk.failNext('sync', { code: 'EIO', path: /journal/ });
  expect(await outcome(lockd.lock('r', 'A'))).toBe('Stopped');
  expect(lockd.readiness()).toEqual(notReady(/^The journal could not be flushed \(EIO/));
  disk.heal();
  expect(lockd.readiness()).toMatchObject({ status: 'notReady' });
});

test('another daemon took over the directory', async () => {
  const { lockd, layout } = await begin();
  fs.writeFileSync(layout.epoch(2), '');
  expect(lockd.readiness()).toEqual(notReady(/^Another lockd took over /));
  // The look was enough to learn it.
  expect((await lockd.failed).message).toMatch(/^Another lockd took over /);
  expect(lockd.readiness()).toEqual(notReady(/^Another lockd took over /));
});

test('a daemon that stops, and one that has stopped', async () => {
  const { lockd, held } = await begin();
  held.hold();
  const lock = lockd.lock('r', 'A');
  await held.held();
  const closed = lockd.close();
  expect(lockd.readiness()).toEqual(notReady(/^The daemon is stopping$/));
  held.release();
  await lock;
  await closed;
  expect(lockd.readiness()).toEqual(notReady(/^The daemon is stopping$/));
});
