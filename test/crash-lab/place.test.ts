/** A laboratory that finds nothing may be blind: daemons that forget, remember too much, or do not start are found. */
import { cpSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../crash/eventually.js';
import { LockdProcess } from '../daemon.js';
import { randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { Place, STARTS, type Start } from './place.js';

const start = STARTS[0] as Start;

/** A lock directory in which clients were told something. */
async function usedPlace() {
  const place = new Place(temporaryDirectory(), randomFrom(1));
  const work = async () => {
    const before = place.ledger.acknowledged;
    await place.live({
      start,
      end: () => eventually('work is done', () => place.ledger.acknowledged > before + 100),
    });
  };
  await work();
  expect(place.ledger.problems).toEqual([]);
  return { place, work };
}

const look = (place: Place) => place.live({ start, end: async () => undefined });

test('a daemon that forgets', async () => {
  const { place } = await usedPlace();
  rmSync(place.directory, { recursive: true });
  await look(place);
  expect(place.ledger.breaches.lost).toBeGreaterThan(0);
});

test('a daemon that remembers what was before', async () => {
  const { place, work } = await usedPlace();
  const copy = temporaryDirectory();
  cpSync(place.directory, copy, { recursive: true });
  await work();
  rmSync(place.directory, { recursive: true });
  cpSync(copy, place.directory, { recursive: true });
  await look(place);
  expect(place.ledger.breaches.resurrected).toBeGreaterThan(0);
});

test('a daemon that does not start, or ends by itself', async () => {
  const { place } = await usedPlace();
  await place.live({ start: () => new LockdProcess(['--version']), end: async () => undefined });
  expect(place.ledger.breaches.other).toBe(1);
  const dying: Start = (directory) => {
    const daemon = start(directory);
    void daemon.wrote('stdout', /http/).then(() => setTimeout(() => daemon.child.kill('SIGTERM'), 300));
    return daemon;
  };
  await place.live({ start: dying, end: () => new Promise(() => undefined) });
  expect(place.ledger.breaches.other).toBe(2);
  expect(place.ended).toBe(2);
  await place.live({ start: dying, mayEnd: true, end: () => new Promise(() => undefined) });
  expect(place.ledger.breaches.other).toBe(2);
});
