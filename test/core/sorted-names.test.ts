import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SortedNames } from '../../src/core/sorted-names.js';

/** Few names, with one another's beginnings among them, and such as sort otherwise by code points or in a language. */
const NAMES = ['', 'a', 'ab', 'a b', 'B', 'b', 'é', 'z', '\ud7ff', '\u{1f512}', '\uffee', '10', '9'];

type Step = { readonly toggle: string } | { readonly listAfter: string };

const name = fc.constantFrom(...NAMES);
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: name.map((toggle): Step => ({ toggle })) },
    { weight: 1, arbitrary: name.map((listAfter): Step => ({ listAfter })) },
  ),
  { maxLength: 60, size: 'max' },
);

class Names {
  readonly used = new Set<string>();
  readonly sorted = new SortedNames((one) => this.used.has(one));

  toggle(one: string): void {
    if (this.used.delete(one)) this.sorted.remove(one);
    else {
      this.used.add(one);
      this.sorted.add(one);
    }
  }

  expected(after: string): string[] {
    return [...this.used].filter((one) => one > after).sort();
  }
}

describe('names in use', () => {
  test('come in code-unit order, each once, behind any name, after any history', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const names = new Names();
        for (const step of history) {
          if ('toggle' in step) names.toggle(step.toggle);
          else
            expect([...names.sorted.startingAfter(step.listAfter)]).toEqual(names.expected(step.listAfter));
        }
        for (const after of NAMES) {
          expect([...names.sorted.startingAfter(after)]).toEqual(names.expected(after));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('can be left in the middle and asked again', () => {
    const names = new Names();
    for (const one of NAMES) names.toggle(one);
    for (const first of names.sorted.startingAfter('a')) {
      expect(first).toBe('a b');
      break;
    }
    names.toggle('a b');
    expect([...names.sorted.startingAfter('a')][0]).toBe('ab');
  });

  test('are none at first', () => {
    expect([...new SortedNames(() => false).startingAfter('')]).toEqual([]);
  });
});
