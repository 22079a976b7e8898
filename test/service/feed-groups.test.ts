/** Who is handed what, and what it costs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LockEvent } from '../../src/service/api.js';
import { type EventFilter, filterOf, isWanted } from '../../src/service/feed-filter.js';
import { Groups } from '../../src/service/feed-groups.js';

const NAMES = fc.constantFrom('', 'a', 'b', 'ab');

function eventOn(resource: string, client: string, id?: string): LockEvent {
  const what = {
    time: new Date(0),
    event: id === undefined ? 'queued' : 'granted',
    resource,
    client,
  } as const;
  return id === undefined ? what : { ...what, id };
}

describe('groups of those who listen', () => {
  test('each gets exactly what it asked for, in order, whoever else listens', () => {
    const filters = fc.array(
      fc.record(
        {
          ...{ prefix: NAMES, resource: NAMES, from: NAMES, to: NAMES, client: NAMES },
          include: fc.subarray<'renewed' | 'queued'>(['renewed', 'queued']),
        },
        { requiredKeys: [] },
      ),
    );
    const events = fc.array(
      fc.tuple(NAMES, NAMES, fc.boolean()).map(([resource, client, saved]) => {
        return eventOn(resource, client, saved ? '1.0' : undefined);
      }),
    );
    fc.assert(
      fc.property(filters, events, (given, happened) => {
        const groups = new Groups();
        const heard = given.map((options) => {
          const [filter, got] = [filterOf(options), [] as LockEvent[]];
          groups.add(filter, (told) => void got.push(...told));
          return { filter, got };
        });
        groups.tell(happened);
        for (const { filter, got } of heard) {
          expect(got).toEqual(happened.filter((event) => isWanted(event, filter)));
        }
      }),
    );
  });

  test('those who ask for the same get the same array', () => {
    const groups = new Groups();
    const got: unknown[] = [];
    for (let n = 0; n < 2; n += 1) groups.add(filterOf({ client: 'A' }), (told) => void got.push(told));
    groups.tell([eventOn('r', 'A', '1.0')]);
    expect(got).toHaveLength(2);
    expect(got[0]).toBe(got[1]);
  });

  test('who has stopped is gone, and nothing of it is left', () => {
    const groups = new Groups();
    let heard = 0;
    const hear = () => {
      heard += 1;
    };
    const filter = filterOf({ resource: 'r' });
    const [first, second] = [groups.add(filter, () => hear()), groups.add(filter, () => hear())];
    first();
    first();
    groups.tell([eventOn('r', 'A', '1.0')]);
    expect(heard).toBe(1);
    second();
    expect(groups.isEmpty).toBe(true);
    // Late, when others ask for the same.
    groups.add(filter, () => hear());
    second();
    groups.tell([eventOn('r', 'A', '2.0')]);
    expect(heard).toBe(2);
  });

  test.each<[string, (n: number) => EventFilter]>([
    ['resource', (n) => filterOf({ resource: `r${n}` })],
    ['client', (n) => filterOf({ client: `c${n}` })],
  ])('a thousand who each follow a %s of their own look at none of the others', (_what, filterFor) => {
    const groups = new Groups();
    let heard = 0;
    const hear = () => {
      heard += 1;
    };
    for (let n = 0; n < 1_000; n += 1) groups.add(filterFor(n), () => hear());
    let looks = 0;
    const watched = (event: LockEvent) =>
      Object.defineProperty({ ...event }, 'resource', {
        get: () => {
          looks += 1;
          return event.resource;
        },
      });
    groups.tell(Array.from({ length: 10 }, (_, n) => watched(eventOn(`r${n}`, `c${n}`, `1.${n}`))));
    expect(heard).toBe(10);
    expect(looks).toBeLessThanOrEqual(40);
  });
});
