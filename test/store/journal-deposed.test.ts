import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Stopped } from '../../src/store/port.js';
import {
  crashCopy,
  FREE,
  grant,
  hold,
  LOCK,
  openJournal,
  recovered,
  temporaryDirectory,
  turn,
} from './fixture.js';
import { HeldDisk } from './held-disk.js';

describe('another daemon began a later epoch', () => {
  test('from then on nothing is saved and nothing confirmed', async () => {
    const directory = temporaryDirectory();
    const { store, layout } = await openJournal(directory);
    await store.commit(grant(1), LOCK);
    fs.writeFileSync(layout.epoch(2), '');
    const text = `Another lockd took over ${directory}, or its journal was removed`;
    await expect(store.confirm()).rejects.toThrow(new Stopped(text));
    await expect(store.commit(grant(2), LOCK)).rejects.toThrow(new Stopped(text));
    await expect(store.commit(turn(2), FREE)).rejects.toThrow(new Stopped(text));
    expect(store.problems).toEqual([text]);
  });

  test('while a turn was being flushed: the turn is not acknowledged', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { store, layout } = await openJournal(directory, { disk: held.disk });
    held.hold();
    const commit = store.commit(grant(1), LOCK);
    await held.held();
    fs.writeFileSync(layout.epoch(2), '');
    held.release();
    await expect(commit).rejects.toThrow(Stopped);
  });

  test('what the deposed one still writes counts nowhere', async () => {
    const directory = temporaryDirectory();
    const old = await openJournal(directory);
    await old.store.commit(grant(1), LOCK);
    const read = old.store.bytes;
    const successor = await openJournal(directory);
    await expect(old.store.commit(grant(2), LOCK)).rejects.toThrow(Stopped);
    await successor.store.commit(grant(3), LOCK);
    expect(recovered(directory).records).toEqual([hold(1), hold(3, 'r3')]);
    const third = await openJournal(directory);
    expect([...third.store.recovered.records]).toHaveLength(2);
    const head = fs.readFileSync(layoutOf(successor), 'utf8').split('\n', 1)[0] ?? '';
    expect(JSON.parse(head)).toMatchObject({ previous: { bytes: read } });
  });

  test('of two starts at the same moment at most one is told that it saved anything', async () => {
    const directory = temporaryDirectory();
    const starts = [openJournal(directory), openJournal(directory)];
    const outcomes = await Promise.allSettled(
      starts.map(async (start, n) => (await start).store.commit(grant(n + 1), LOCK)),
    );
    const saved = outcomes.flatMap(({ status }, n) =>
      status === 'fulfilled' ? [hold(n + 1, `r${n + 1}`)] : [],
    );
    expect(saved.length).toBeLessThanOrEqual(1);
    const third = await openJournal(directory);
    expect([...third.store.recovered.records]).toEqual(expect.arrayContaining(saved));
  });
});

describe('the directory is not the one it was', () => {
  test.each<[string, (directory: string) => void]>([
    ['moved away', (directory) => fs.renameSync(directory, `${directory}.away`)],
    ['removed', (directory) => fs.rmSync(directory, { recursive: true })],
    [
      'replaced by a copy of itself',
      (directory) => {
        const copy = crashCopy(directory);
        fs.renameSync(directory, `${directory}.away`);
        fs.renameSync(copy, directory);
      },
    ],
  ])('%s: nothing is saved and nothing confirmed', async (_, change) => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory);
    await store.commit(grant(1), LOCK);
    change(directory);
    await expect(store.commit(grant(2), LOCK)).rejects.toThrow(Stopped);
    await expect(store.confirm()).rejects.toThrow(Stopped);
    fs.rmSync(`${directory}.away`, { recursive: true, force: true });
  });

  test('a disk that does not let us look stops it, too', async () => {
    const { store, disk } = await openJournal(temporaryDirectory());
    disk.failNext('stat', { code: 'EIO' });
    await expect(store.confirm()).rejects.toThrow(Stopped);
    await expect(store.commit(grant(1), LOCK)).rejects.toThrow(Stopped);
  });
});

function layoutOf({ layout, epoch }: Awaited<ReturnType<typeof openJournal>>): string {
  return layout.segment({ epoch: epoch.number, segment: 1 });
}
