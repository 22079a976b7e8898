/** Where reading the history ends and the feed takes over, turn by turn; without a daemon. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/core/records.js';
import { Feed } from '../../src/service/feed.js';
import { filterOf } from '../../src/service/feed-filter.js';
import { Following, type Told } from '../../src/service/feed-following.js';
import { RecentlyTold } from '../../src/service/recently-told.js';
import { MemoryStore } from '../../src/store/memory.js';
import { Stopped } from '../../src/store/port.js';
import { hold, put, turn } from '../store/fixture.js';
import { ManualClock } from './manual-clock.js';

/** A store and a feed: saving a turn and telling of it are two steps, as in a daemon. */
class Steps {
  readonly clock = new ManualClock();
  readonly store = new MemoryStore();
  readonly feed = new Feed(this.clock, 0);
  readonly #changes: (readonly Change[])[] = [];

  /** Saves turns that nobody was told of yet. */
  async save(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const token = this.#changes.length + 1;
      const changes = [put(hold(token, `r${token}`))];
      this.#changes.push(changes);
      await this.store.commit(turn(token + 1, ...changes));
    }
  }

  /** Their callers were answered. */
  settle(from: number, to: number): void {
    for (let number = from; number <= to; number += 1) {
      this.feed.happened(number, this.#changes[number - 1] ?? []);
    }
  }

  follow(after?: string): Following {
    return new Following(this, filterOf({}), after);
  }
}

function linesOf(told: readonly Told[] | undefined): string[] {
  return (told ?? []).flatMap((one) =>
    'notice' in one ? [`${one.notice.event}`] : one.events.map(({ id }) => id ?? '-'),
  );
}

describe('from the history to the feed', () => {
  test('what was read before it was settled is not told again', async () => {
    const steps = new Steps();
    await steps.save(3);
    steps.settle(1, 1);
    const following = steps.follow('0.0');
    expect(linesOf(await following.next())).toEqual(['ready', '1.0', '2.0', '3.0']);
    expect(following.position).toBe('3.999999');
    steps.settle(2, 3);
    await steps.save(1);
    steps.settle(4, 4);
    await steps.clock.advance(100);
    expect(linesOf(await following.next())).toEqual(['4.0']);
    await steps.save(1);
    steps.settle(5, 5);
    await steps.clock.advance(100);
    expect(linesOf(await following.next())).toEqual(['5.0']);
  });

  test('what was settled while it was read is not missed', async () => {
    const steps = new Steps();
    await steps.save(2);
    steps.settle(1, 2);
    const { confirm } = steps.store;
    let looks = 0;
    steps.store.confirm = async () => {
      looks += 1;
      // Behind the page, and before it is handed out.
      if (looks === 2) {
        await steps.save(2);
        steps.settle(3, 4);
      }
      return confirm.call(steps.store);
    };
    const following = steps.follow('0.0');
    const told = [...linesOf(await following.next())];
    await steps.save(1);
    steps.settle(5, 5);
    await steps.clock.advance(100);
    told.push(...linesOf(await following.next()));
    expect(told).toEqual(['ready', '1.0', '2.0', '3.0', '4.0', '5.0']);
  });

  test('however much was settled while the last page was read, nobody was slow', async () => {
    const steps = new Steps();
    await steps.save(2);
    steps.settle(1, 2);
    const { confirm } = steps.store;
    let looks = 0;
    steps.store.confirm = async () => {
      looks += 1;
      if (looks === 2) {
        await steps.save(10_000);
        steps.settle(3, 10_002);
      }
      return confirm.call(steps.store);
    };
    const told = linesOf(await steps.follow('0.0').next());
    expect(told).toHaveLength(1 + 10_002);
    expect(told.slice(0, 4)).toEqual(['ready', '1.0', '2.0', '3.0']);
  });

  test('nobody is told twice who joins while something is collected for others', async () => {
    const steps = new Steps();
    const first = steps.follow();
    expect(linesOf(await first.next())).toEqual(['ready']);
    await steps.save(2);
    steps.settle(1, 2);
    const second = steps.follow('0.0');
    expect(linesOf(await second.next())).toEqual(['ready', '1.0', '2.0']);
    await steps.save(1);
    steps.settle(3, 3);
    await steps.clock.advance(100);
    expect(linesOf(await first.next())).toEqual(['1.0', '2.0', '3.0']);
    expect(linesOf(await second.next())).toEqual(['3.0']);
  });

  test('what is not read to its end because nobody wants it any more is no failure', async () => {
    const steps = new Steps();
    const asked: (() => boolean)[] = [];
    let failPage: (error: Error) => void = () => undefined;
    const page = new Promise<never>((_resolve, reject) => {
      failPage = reject;
    });
    const store = {
      confirm: async () => undefined,
      eventsAfter: (_id: string, isWanted: () => boolean = () => true) => {
        asked.push(isWanted);
        return { next: () => page };
      },
    };
    const following = new Following({ feed: steps.feed, store }, filterOf({}), '0.0');
    const told = following.next();
    expect(asked.map((isWanted) => isWanted())).toEqual([true]);
    following.close();
    expect(asked.map((isWanted) => isWanted())).toEqual([false]);
    failPage(new Stopped('The journal is closed'));
    expect(await told).toBeUndefined();
  });

  test('who was handed out nothing yet goes on where it began', async () => {
    const steps = new Steps();
    await steps.save(1);
    steps.settle(1, 1);
    const following = steps.follow('0.0');
    expect(following.position).toBe('0.0');
    await following.next();
    expect(following.position).toBe('1.999999');
    await steps.save(1);
    steps.settle(2, 2);
    await steps.clock.advance(100);
    expect(following.position).toBe('1.999999');
    await following.next();
    expect(following.position).toBe('2.999999');
  });
});

describe('what is remembered for those who read', () => {
  const CHANGES = Array.from({ length: 1_000 }, () => put(hold(1)));
  const turns = (recent: RecentlyTold, after: number) => recent.after(after)?.map((told) => told.turn);

  test('nothing while nobody reads', () => {
    const recent = new RecentlyTold();
    recent.add(1, CHANGES);
    expect(recent.after(1)).toBeUndefined();
    const end = recent.begin(1);
    expect(turns(recent, 0)).toBeUndefined();
    expect(turns(recent, 1)).toEqual([]);
    recent.add(2, CHANGES);
    expect(turns(recent, 1)).toEqual([2]);
    expect(turns(recent, 2)).toEqual([]);
    expect(turns(recent, 7)).toEqual([]);
    end();
    expect(recent.after(2)).toBeUndefined();
  });

  test('until the last of them is done', () => {
    const recent = new RecentlyTold();
    const [one, other] = [recent.begin(0), recent.begin(0)];
    recent.add(1, CHANGES);
    one();
    one();
    expect(turns(recent, 0)).toEqual([1]);
    other();
    expect(recent.after(0)).toBeUndefined();
  });

  test('no more than fits: whoever reads more slowly reads on', () => {
    const recent = new RecentlyTold();
    recent.begin(0);
    for (let number = 1; number <= 25; number += 1) recent.add(number, CHANGES);
    expect(turns(recent, 9)).toBeUndefined();
    expect(turns(recent, 10)).toEqual(Array.from({ length: 15 }, (_, n) => 11 + n));
    expect(turns(recent, 24)).toEqual([25]);
  });
});
