import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Epoch } from '../../src/disk/epoch.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { FaultyDisk } from './faulty-disk.js';
import { temporaryDirectory } from './temporary-directory.js';

function place() {
  const layout = new Layout(join(temporaryDirectory(), 'locks'));
  fs.mkdirSync(layout.own, { recursive: true });
  return { layout, disk: new FaultyDisk(nodeDisk) };
}

function epochFiles(layout: Layout): string[] {
  return fs.readdirSync(layout.own).filter((name) => name.startsWith('epoch-'));
}

describe('an epoch', () => {
  test('is the first in a new directory, and mine', async () => {
    const { layout, disk } = place();
    const epoch = await Epoch.begin(disk, layout);
    expect(epoch.number).toBe(1);
    expect(epoch.isMine()).toBe(true);
    expect(epochFiles(layout)).toEqual(['epoch-0000000001']);
    expect(fs.statSync(layout.epoch(1)).mode & 0o777).toBe(0o600);
    epoch.close();
  });

  test('deposes every earlier one, and removes its file', async () => {
    const { layout, disk } = place();
    const epochs = [];
    for (let count = 0; count < 4; count += 1) epochs.push(await Epoch.begin(disk, layout));
    expect(epochs.map((epoch) => epoch.number)).toEqual([1, 2, 3, 4]);
    expect(epochs.map((epoch) => epoch.isMine())).toEqual([false, false, false, true]);
    expect(epochFiles(layout)).toEqual(['epoch-0000000004']);
    for (const epoch of epochs) epoch.close();
  });

  test('is flushed before anybody counts on it', async () => {
    const { layout, disk } = place();
    const epoch = await Epoch.begin(disk, layout);
    expect(disk.calls.at(-1)).toEqual({ op: 'syncDirectory', path: layout.own });
    expect(disk.calls.findIndex(({ op }) => op === 'create')).toBeLessThan(disk.calls.length - 1);
    epoch.close();
  });

  test.each([
    ['an epoch', 'epoch-0000000041'],
    ['a slots folder', 'slots-0000000041'],
    ['a journal segment', 'journal-0000000041-0000000007.jsonl'],
  ])('lies above that of %s', async (_, name) => {
    const { layout, disk } = place();
    fs.writeFileSync(join(layout.own, name), '');
    const epoch = await Epoch.begin(disk, layout);
    expect(epoch.number).toBe(42);
    expect(epoch.isMine()).toBe(true);
    epoch.close();
  });

  test.each(['epoch-41', 'epoch-0000000041.tmp', 'journal-0000000041.jsonl', 'notes.txt'])(
    'does not count %s, and leaves it alone',
    async (name) => {
      const { layout, disk } = place();
      fs.writeFileSync(join(layout.own, name), 'mine');
      const epoch = await Epoch.begin(disk, layout);
      expect(epoch.number).toBe(1);
      expect(fs.readFileSync(join(layout.own, name), 'utf8')).toBe('mine');
      epoch.close();
    },
  );
});

describe('several that begin at the same time', () => {
  test('get different numbers, and only the last is an owner', async () => {
    const { layout, disk } = place();
    const epochs = await Promise.all(Array.from({ length: 8 }, () => Epoch.begin(disk, layout)));
    const numbers = epochs.map((epoch) => epoch.number);
    expect(new Set(numbers).size).toBe(8);
    const owners = epochs.filter((epoch) => epoch.isMine());
    expect(owners.map((epoch) => epoch.number)).toEqual([Math.max(...numbers)]);
    for (const epoch of epochs) epoch.close();
  });

  test('one makes the file that the other was about to make', async () => {
    const { layout, disk } = place();
    disk.before('create', () => fs.writeFileSync(layout.epoch(1), ''));
    const epoch = await Epoch.begin(disk, layout);
    expect(epoch.number).toBe(2);
    expect(epochFiles(layout)).toEqual(['epoch-0000000002']);
    epoch.close();
  });

  test('one is frozen before it makes its file, while three others come and go', async () => {
    const { layout, disk } = place();
    // What three starts leave behind: only the file of the last.
    disk.before('create', () => fs.writeFileSync(layout.epoch(3), ''));
    const frozen = await Epoch.begin(disk, layout);
    expect(frozen.number).toBe(4);
    const last = await Epoch.begin(disk, layout);
    expect([frozen.isMine(), last.isMine()]).toEqual([false, true]);
    expect(epochFiles(layout)).toEqual(['epoch-0000000005']);
    frozen.close();
    last.close();
  });
});

describe('deposed', () => {
  test.each<[string, (layout: Layout) => void]>([
    ['by the file of the next epoch', (layout) => fs.writeFileSync(layout.epoch(2), '')],
    ['by anything of that name', (layout) => fs.symlinkSync('/nowhere', layout.epoch(2))],
    ['when its own file is removed', (layout) => fs.rmSync(layout.epoch(1))],
    ['when its own directory is removed', (layout) => fs.rmSync(layout.own, { recursive: true })],
    ['when the lock directory is removed', (layout) => fs.rmSync(layout.root, { recursive: true })],
    ['when the lock directory is moved', (layout) => fs.renameSync(layout.root, `${layout.root}.old`)],
    [
      'when a copy stands in its place',
      (layout) => {
        fs.renameSync(layout.root, `${layout.root}.old`);
        fs.cpSync(`${layout.root}.old`, layout.root, { recursive: true });
      },
    ],
    [
      'when a file stands in place of its directory',
      (layout) => {
        fs.rmSync(layout.own, { recursive: true });
        fs.writeFileSync(layout.own, '');
      },
    ],
    [
      'when its file was made again',
      (layout) => {
        fs.rmSync(layout.epoch(1));
        fs.writeFileSync(layout.epoch(1), '');
      },
    ],
  ])('%s', async (_, harm) => {
    const { layout, disk } = place();
    const epoch = await Epoch.begin(disk, layout);
    harm(layout);
    expect(epoch.isMine()).toBe(false);
    epoch.close();
  });

  test('never again the owner', async () => {
    const { layout, disk } = place();
    const first = await Epoch.begin(disk, layout);
    const second = await Epoch.begin(disk, layout);
    second.close();
    fs.rmSync(layout.epoch(2));
    expect(first.isMine()).toBe(false);
    first.close();
  });
});

describe('a disk that fails', () => {
  test.each([
    ['create', 'ENOSPC'],
    ['syncDirectory', 'EIO'],
    ['unlink', 'EROFS'],
    ['list', 'EACCES'],
  ] as const)('at %s lets no epoch begin', async (op, code) => {
    const { layout, disk } = place();
    (await Epoch.begin(disk, layout)).close();
    disk.failNext(op, { code });
    await expect(Epoch.begin(disk, layout)).rejects.toMatchObject({ code });
    const epoch = await Epoch.begin(disk, layout);
    expect(epoch.isMine()).toBe(true);
    epoch.close();
  });
});
