import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Slots } from '../../src/lock-files/slots.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { temporaryDirectory } from '../disk/temporary-directory.js';

function place(maxOpen?: number) {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk(nodeDisk);
  const clock = { now: 1_000 };
  const options = { disk, directory, monotonic: () => clock.now };
  const slots = new Slots(maxOpen === undefined ? options : { ...options, maxOpen });
  const opened = () => disk.count('create') - disk.count('close');
  return { directory, disk, clock, slots, opened };
}

const text = (path: string) => fs.readFileSync(path, 'utf8');

describe('a slot', () => {
  test('has its content before it is handed out', () => {
    const { slots, directory } = place();
    const [one, two] = [slots.fill(Buffer.from('one')), slots.fill(Buffer.from('two'))];
    expect([text(one.path), text(two.path)]).toEqual(['one', 'two']);
    expect(fs.readdirSync(directory)).toEqual(['0000000001', '0000000002']);
    slots.close();
  });

  test.each([
    [0, false],
    [249, false],
    [249.999, false],
    [250, true],
    [10_000, true],
  ])('is written again %i ms after it was freed: %s', (rest, isAgain) => {
    const { slots, clock } = place();
    const first = slots.fill(Buffer.from('a longer content'));
    clock.now += 5_000;
    slots.free(first);
    clock.now += rest;
    const second = slots.fill(Buffer.from('short'));
    expect(second.path === first.path).toBe(isAgain);
    expect([text(second.path), text(first.path)]).toEqual(['short', isAgain ? 'short' : 'a longer content']);
    slots.close();
  });

  test('is never written while it is in use', () => {
    const { slots, clock } = place();
    const kept = slots.fill(Buffer.from('kept'));
    for (let round = 0; round < 20; round += 1) {
      const other = slots.fill(Buffer.from(`round ${round}`));
      expect(other.path).not.toBe(kept.path);
      slots.free(other);
      clock.now += 250;
    }
    expect(text(kept.path)).toBe('kept');
    slots.close();
  });

  test('that has rested longest is written first', () => {
    const { slots, clock } = place();
    const all = [1, 2, 3].map((number) => slots.fill(Buffer.from(String(number))));
    for (const slot of [all[1], all[2], all[0]]) {
      if (slot) slots.free(slot);
      clock.now += 10;
    }
    clock.now += 1_000;
    const order = [1, 2, 3].map(() => slots.fill(Buffer.from('x')).path);
    expect(order).toEqual([all[1]?.path, all[2]?.path, all[0]?.path]);
    slots.close();
  });

  test('is still found when thousands have rested before it', () => {
    const { slots, clock, directory } = place();
    for (let round = 0; round < 2_500; round += 1) {
      slots.free(slots.fill(Buffer.from(String(round))));
      clock.now += 250;
    }
    expect(fs.readdirSync(directory)).toHaveLength(1);
    slots.close();
  });
});

describe('descriptors', () => {
  test('are as many as allowed: the longest-used slot goes on without', () => {
    const { slots, clock, opened, directory } = place(2);
    const all = [1, 2, 3, 4].map((number) => slots.fill(Buffer.from(String(number))));
    expect(opened()).toBe(2);
    expect(all.map((slot) => slot.file !== undefined)).toEqual([false, false, true, true]);
    expect(all.map((slot) => text(slot.path))).toEqual(['1', '2', '3', '4']);
    // Without a descriptor it cannot be written again: it goes when it is freed.
    for (const slot of all) slots.free(slot);
    expect(fs.readdirSync(directory)).toEqual(['0000000003', '0000000004']);
    clock.now += 250;
    expect(slots.fill(Buffer.from('5')).path).toBe(all[2]?.path);
    slots.close();
    expect(opened()).toBe(0);
  });

  test('are as many as allowed, also when all of them rest', () => {
    const { slots, opened, directory } = place(3);
    for (let round = 0; round < 50; round += 1) slots.free(slots.fill(Buffer.from(String(round))));
    expect(opened()).toBe(3);
    expect(fs.readdirSync(directory)).toHaveLength(3);
    slots.close();
    expect(opened()).toBe(0);
  });

  test('are given up for a file that has moved away', () => {
    const { slots, opened } = place();
    const slot = slots.fill(Buffer.from('one'));
    fs.renameSync(slot.path, `${slot.path}.moved`);
    slots.forget(slot);
    expect(opened()).toBe(0);
    slots.free(slot);
    expect(text(`${slot.path}.moved`)).toBe('one');
    slots.close();
  });
});

describe('a disk that fails', () => {
  test.each([
    ['no space for a file', 'create', { code: 'ENOSPC' }],
    ['no space for the content', 'write', { code: 'ENOSPC' }],
    ['space for a part of it', 'write', { code: 'ENOSPC', shortBytes: 3 }],
    ['no space without an error', 'write', { code: 'ENOSPC', shortBytes: 0 }],
    ['a broken disk', 'write', { code: 'EIO' }],
  ] as const)('%s leaves nothing behind', (_, op, fault) => {
    const { slots, disk, directory, opened } = place();
    const before = slots.fill(Buffer.from('before'));
    disk.failNext(op, fault);
    expect(() => slots.fill(Buffer.from('content'))).toThrow(expect.objectContaining({ code: fault.code }));
    expect(fs.readdirSync(directory)).toHaveLength(1);
    disk.heal();
    expect(text(slots.fill(Buffer.from('after')).path)).toBe('after');
    expect(text(before.path)).toBe('before');
    slots.close();
    expect(disk.count('close')).toBe(disk.count('create') - (op === 'create' ? 1 : 0));
    expect(opened()).toBe(op === 'create' ? 1 : 0);
  });

  test.each(['write', 'truncate'] as const)('at %s of a rested slot keeps that slot back', (op) => {
    const { slots, disk, clock } = place();
    const first = slots.fill(Buffer.from('a longer content'));
    slots.free(first);
    clock.now += 250;
    disk.failNext(op, { code: 'EIO' });
    expect(() => slots.fill(Buffer.from('short'))).toThrow('EIO');
    const second = slots.fill(Buffer.from('short'));
    expect(second.path).not.toBe(first.path);
    expect(text(second.path)).toBe('short');
    slots.close();
  });

  test('that does not even remove says the first problem, and no slot is used twice', () => {
    const { slots, disk } = place();
    disk.failNext('write', { code: 'ENOSPC' });
    disk.failNext('unlink', { code: 'EROFS' });
    expect(() => slots.fill(Buffer.from('one'))).toThrow('ENOSPC');
    const next = slots.fill(Buffer.from('two'));
    expect(next.path).toMatch(/0000000002$/);
    slots.close();
  });

  test('does not stop a slot without a descriptor from being freed', () => {
    const { slots, disk } = place(1);
    const [one] = [slots.fill(Buffer.from('one')), slots.fill(Buffer.from('two'))];
    disk.failNext('unlink', { code: 'EROFS' });
    expect(() => slots.free(one)).not.toThrow();
    slots.close();
  });
});

describe('a slot in which stands what was refused', () => {
  test('is out of use until it is empty, durably, and then rests', async () => {
    const { slots, clock, disk, opened } = place();
    const refused = slots.fill(Buffer.from('refused'));
    slots.discard(refused);
    clock.now += 1_000;
    const other = slots.fill(Buffer.from('other'));
    expect(other.path).not.toBe(refused.path);
    await slots.wipe();
    expect(disk.count('sync')).toBe(1);
    expect(text(refused.path)).toBe('');
    clock.now += 250;
    expect(slots.fill(Buffer.from('later')).path).toBe(refused.path);
    expect(opened()).toBe(2);
    await slots.wipe();
    expect(disk.count('sync')).toBe(1);
    slots.close();
    expect(opened()).toBe(0);
  });

  test.each(['write', 'truncate'] as const)('as far as it came: a failed %s', async (operation) => {
    const { slots, clock, disk } = place();
    const first = slots.fill(Buffer.from('a longer content'));
    slots.free(first);
    clock.now += 250;
    disk.failNext(operation, { code: 'ENOSPC', ...(operation === 'write' ? { shortBytes: 3 } : {}) });
    expect(() => slots.fill(Buffer.from('short'))).toThrow('ENOSPC');
    expect(text(first.path)).not.toBe('a longer content');
    await slots.wipe();
    expect(text(first.path)).toBe('');
    slots.close();
  });

  test.each(['truncate', 'sync'] as const)('is removed where the disk fails to %s it', async (operation) => {
    const { slots, disk, directory, opened } = place();
    slots.discard(slots.fill(Buffer.from('refused')));
    disk.failNext(operation, { code: 'EIO' });
    await slots.wipe();
    expect(fs.readdirSync(directory)).toEqual([]);
    expect(opened()).toBe(0);
  });
});
