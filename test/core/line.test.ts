import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Line } from '../../src/core/line.js';
import type { PlaceRecord } from '../../src/core/records.js';
import { runs } from './runs.js';

function place(client: string, sequence: number): PlaceRecord {
  return { kind: 'place', resource: 'host', client, sequence, limit: 1, since: 0, from: '', claim: 30 };
}

/** Joins at the end or at the head, leaves, or takes back what was done last. */
type Step = { readonly join: string; readonly atHead: boolean } | { readonly leave: string } | 'undo';

const client = fc.constantFrom(...'abcdefghij');
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ join: client, atHead: fc.constant(false) }) },
    { weight: 1, arbitrary: fc.record({ join: client, atHead: fc.constant(true) }) },
    { weight: 4, arbitrary: fc.record({ leave: client }) },
    { weight: 3, arbitrary: fc.constant<Step>('undo') },
  ),
  { maxLength: 150, size: 'max' },
);

/** A line and a sorted array that must always be the same. */
class Twins {
  readonly line = new Line();
  naive: PlaceRecord[] = [];
  readonly #undos: (() => void)[] = [];
  #next = 100;

  do(step: Step): void {
    if (step === 'undo') this.#undos.pop()?.();
    else if ('leave' in step) this.leave(step.leave);
    else this.join(step.join, step.atHead);
  }

  join(name: string, atHead: boolean): void {
    const head = this.naive[0];
    const sequence = atHead && head ? head.sequence - 1 : this.#next++;
    const replaced = this.put(place(name, sequence));
    this.#undos.push(() => void (replaced ? this.put(replaced) : this.remove(name)));
  }

  leave(name: string): void {
    const removed = this.remove(name);
    if (removed) this.#undos.push(() => void this.put(removed));
  }

  put(one: PlaceRecord): PlaceRecord | undefined {
    const replaced = this.naive.find((other) => other.client === one.client);
    this.naive = this.naive.filter((other) => other !== replaced);
    this.naive.push(one);
    this.naive.sort((a, b) => a.sequence - b.sequence);
    expect(this.line.put(one)).toBe(replaced);
    return replaced;
  }

  remove(name: string): PlaceRecord | undefined {
    const removed = this.naive.find((other) => other.client === name);
    this.naive = this.naive.filter((other) => other !== removed);
    expect(this.line.remove(name)).toBe(removed);
    return removed;
  }

  compare(): void {
    const names = [...'abcdefghij'];
    const { line, naive } = this;
    expect([[...line], line.size, ...names.map((name) => [line.position(name), line.get(name)])]).toEqual([
      naive,
      naive.length,
      ...names.map((name) => {
        const index = naive.findIndex((one) => one.client === name);
        return [index + 1, naive[index]];
      }),
    ]);
  }
}

describe('a line', () => {
  test('is what an array in the order of its sequences is, with whatever is undone', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const twins = new Twins();
        for (const step of given) {
          twins.do(step);
          twins.compare();
        }
      }),
      runs(60),
    );
  });

  test('is the same when it is only looked at from time to time', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 2, max: 50 }), (given, every) => {
        const twins = new Twins();
        given.forEach((step, index) => {
          twins.do(step);
          if (index % every === 0) twins.compare();
        });
        twins.compare();
      }),
      runs(150),
    );
  });

  test('of 10,000 with half of them gone is in order, and takes back whoever comes back', () => {
    const line = new Line();
    const places = Array.from({ length: 10_000 }, (_, index) => place(`c${index}`, index));
    for (const one of places) line.put(one);
    for (const one of places) if (one.sequence % 3 !== 0) line.remove(one.client);
    expect([...line]).toEqual(places.filter((one) => one.sequence % 3 === 0));
    for (const one of places.toReversed()) line.put(one);
    expect([...line]).toEqual(places);
    expect(line.position('c9999')).toBe(10_000);
  });
});

/** Places that are looked at when the first is taken and another one joins, over and over. */
function looks(length: number, rounds: number): number {
  const line = new Line();
  let count = 0;
  const counted = (sequence: number): PlaceRecord =>
    new Proxy(place(`c${sequence}`, sequence), {
      get: (target, member, receiver) => {
        count += 1;
        return Reflect.get(target, member, receiver);
      },
    });
  for (let sequence = 0; sequence < length; sequence += 1) line.put(counted(sequence));
  count = 0;
  for (let round = 0; round < rounds; round += 1) {
    const [first] = line;
    if (first) line.remove(`c${round}`);
    line.put(counted(length + round));
  }
  return count;
}

test('taking the first and joining at the end looks at no more places with 10,000 than with ten', () => {
  // Enough rounds for what is tidied up now and then to count; it is shared by all of them.
  const few = looks(10, 30_000) / 30_000;
  const many = looks(10_000, 30_000) / 30_000;
  expect(many).toBeLessThan(2 * few + 5);
});
