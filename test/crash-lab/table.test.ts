import { expect, test } from 'vitest';
import { Ledger } from '../crash/ledger.js';
import { isGood, markdownTable, type Result } from './table.js';
import { addLedger, emptyTally } from './tally.js';

function result(name: string, isControl: boolean, ...clients: string[]): Result {
  const ledger = new Ledger();
  for (const client of clients) {
    const call = { method: 'lock', resource: 'r', client } as const;
    ledger.answered(ledger.sent(call), { granted: 1_000 + clients.indexOf(client) });
    // Nothing is there any more: the lock is lost.
    ledger.restarted([]);
  }
  const tally = emptyTally();
  addLedger(tally, ledger, 'here');
  return { name, times: 1_000, isControl, tally };
}

test('what was broken is counted by its kind, and told with what leads there', () => {
  const { tally } = result('x', false, 'A', 'B');
  expect(tally.acknowledged).toBe(2);
  expect(tally.breaches).toEqual({ lost: 2, resurrected: 0, done: 0, reused: 0, other: 0 });
  expect(tally.problems[0]).toBe('here: A lost r (token 1000), which was acknowledged');
});

test('the table adds up all but the controls', () => {
  const lines = markdownTable([
    result('one', false, 'A'),
    result('two', false),
    result('lie', true, 'A', 'B'),
  ]);
  expect(lines.split('\n').slice(2)).toEqual([
    '| one | 1,000 | 1 | 0 | 1 | 0 | 0 | 0 | 0 |',
    '| two | 1,000 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |',
    '| **all** | **2,000** | **1** | **0** | **1** | **0** | **0** | **0** | **0** |',
    '| lie | 1,000 | 2 | 0 | 2 | 0 | 0 | 0 | 0 |',
  ]);
});

test.each<[string, boolean, Result[]]>([
  ['nothing was found, and the control found it', true, [result('a', false), result('b', true, 'A')]],
  ['nothing was found, nor by the control', false, [result('a', false), result('b', true)]],
  ['something was found', false, [result('a', false, 'A'), result('b', true, 'A')]],
])('%s: good is %j', (_name, good, results) => {
  expect(isGood(results)).toBe(good);
});
