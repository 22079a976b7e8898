/** Going on behind an id: what happened before comes from the journal, then what happens; nothing is missing, nothing comes twice. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EventNotice, EventsOptions, LockEvent } from '../../src/service/api.js';
import type { Lockd } from '../../src/service/lockd.js';
import { temporaryDirectory } from '../store/fixture.js';
import { begin, crash, openDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';

type Item = EventNotice | LockEvent;

/** Takes items of a stream until one is the one. */
async function takeUntil(stream: AsyncIterable<Item>, isLast: (item: Item) => boolean): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) {
    items.push(item);
    if (isLast(item)) break;
  }
  return items;
}

function idsOf(items: readonly Item[]): string[] {
  return items.flatMap((item) => (item.event !== 'gap' && item.id !== undefined ? [item.id] : []));
}

/** Grants and gives back `r` so often: two turns each. */
async function work(lockd: Lockd, times: number, client = 'A'): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await lockd.lock('r', client);
    await lockd.unlock('r', client);
  }
}

/** All that is kept of the history, oldest first. */
async function history(lockd: Lockd): Promise<string[]> {
  const ids: string[] = [];
  for (let before: string | undefined; ; before = ids.at(-1)) {
    const page = await lockd.history({ count: 1_000, ...(before === undefined ? {} : { before }) });
    ids.push(...page.map(({ id }) => id));
    if (page.length < 1_000) return ids.reverse();
  }
}

const ends = (id: string) => (item: Item) => 'id' in item && item.id === id;

describe('going on behind an id', () => {
  test('tells what happened since, and then what happens', async () => {
    const { lockd, clock } = await begin();
    await work(lockd, 2);
    const items = takeUntil(lockd.events({ after: '2.0' }), ends('6.0'));
    await work(lockd, 1);
    await clock.advance(100);
    expect(idsOf(await items)).toEqual(['2.0', '3.0', '4.0', '5.0', '6.0']);
    expect((await items)[0]).toEqual({ event: 'ready', id: '2.0' });
  });

  test('only what is asked for', async () => {
    const { lockd, clock } = await begin();
    await work(lockd, 2, 'A');
    await work(lockd, 2, 'B');
    const items = takeUntil(lockd.events({ after: '1.0', client: 'B' }), ends('10.0'));
    await work(lockd, 1, 'B');
    await clock.advance(100);
    expect(idsOf(await items)).toEqual(['1.0', '5.0', '6.0', '7.0', '8.0', '9.0', '10.0']);
  });

  test.each(['close', 'kill'] as const)('goes on after a restart: %s', async (how) => {
    const before = await begin();
    await work(before.lockd, 2);
    if (how === 'close') await before.lockd.close();
    const { lockd } = how === 'close' ? await begin({ directory: before.directory }) : await crash(before);
    await work(lockd, 1);
    expect(idsOf(await takeUntil(lockd.events({ after: '3.0' }), ends('6.0')))).toEqual([
      '3.0',
      '4.0',
      '5.0',
      '6.0',
    ]);
  });

  test('has no gap and no repeat beside turns that go on, wherever one begins', async () => {
    const { lockd } = await openDaemon(temporaryDirectory(), { segmentBytes: 20_000 });
    await work(lockd, 150);
    let isWorking = true;
    const working = (async () => {
      while (isWorking)
        await Promise.all(
          ['A', 'B', 'C'].map((one) => lockd.lock(`r/${one}`, one).then(() => lockd.unlock(`r/${one}`, one))),
        );
    })();
    const streams = ['0.0', '7.0', '150.0', '299.0', '300.0'].map(async (after) => {
      const items: Item[] = [];
      for await (const item of lockd.events({ after })) items.push(item);
      return { after, items };
    });
    while (lockd.gauges().journalBytes < 300_000) await rounds(1);
    isWorking = false;
    await working;
    await rounds();
    const all = await history(lockd);
    await lockd.close();
    for (const { after, items } of await Promise.all(streams)) {
      expect(items.filter(({ event }) => event === 'gap')).toEqual([]);
      const [first, ...ids] = idsOf(items);
      expect(first).toBe(after);
      // What came last the stop may have cut.
      const expected = all.slice(Number.parseInt(after, 10));
      expect(ids).toEqual(expected.slice(0, ids.length));
      expect(ids.length).toBeGreaterThan(expected.length * 0.9);
    }
  });

  test('reads no faster than it is asked', async () => {
    const { lockd, disk } = await begin();
    const long = 'x'.repeat(1_000);
    await lockd.lock('r', 'A');
    for (let round = 0; round < 3; round += 1)
      await Promise.all(
        Array.from({ length: 1_000 }, (_, n) => lockd.update('r', 'A', { note: `${long}${n % 10}` })),
      );
    disk.calls.length = 0;
    const stream = lockd.events({ after: '0.0' });
    await stream.next();
    const reads = disk.count('readLater');
    await rounds();
    expect(disk.count('readLater')).toBe(reads);
    expect(reads).toBeGreaterThan(0);
    await stream.return();
  });
});

describe('what is not there any more', () => {
  test('of an id that nobody has given: from now on', async () => {
    const { lockd, clock } = await begin();
    await work(lockd, 1);
    const items = takeUntil(lockd.events({ after: '77.3' }), ends('3.0'));
    await rounds();
    await work(lockd, 1);
    await clock.advance(100);
    expect(await items).toMatchObject([
      { event: 'gap', after: '77.3', problem: 'nothing has happened here so far that has such an id' },
      { event: 'ready', id: '2.999999' },
      { id: '3.0' },
    ]);
  });

  test('because its segment was dropped: from where the journal goes on', async () => {
    const before = await begin();
    await work(before.lockd, 2);
    await before.lockd.close();
    const { lockd, layout } = await begin({ directory: before.directory });
    await work(lockd, 1);
    fs.unlinkSync(
      join(
        layout.own,
        fs
          .readdirSync(layout.own)
          .filter((name) => name.endsWith('.jsonl'))
          .sort()[0] ?? '',
      ),
    );
    expect(await takeUntil(lockd.events({ after: '2.0' }), ends('6.0'))).toMatchObject([
      { event: 'gap', after: '2.0', problem: 'what happened in turns 2 to 4 is not there any more' },
      { event: 'ready', id: '4.999999' },
      { id: '5.0' },
      { id: '6.0' },
    ]);
  });

  test('the disk’s error ends it', async () => {
    const { lockd, disk } = await begin();
    await work(lockd, 1);
    disk.failNext('readLater', { code: 'EIO' });
    await expect(lockd.events({ after: '0.0' }).next()).rejects.toHaveProperty('code', 'EIO');
  });

  test('a daemon that lost its directory tells nothing', async () => {
    const { lockd, layout } = await begin();
    await work(lockd, 1);
    fs.writeFileSync(layout.epoch(2), '');
    await expect(lockd.events({ after: '0.0' } satisfies EventsOptions).next()).rejects.toHaveProperty(
      'name',
      'Stopped',
    );
  });
});
