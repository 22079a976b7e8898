/** Journals that an older lockd wrote. */
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import type { LostRecord } from '../../src/core/records.js';
import { encodeLine } from '../../src/store/journal/format.js';
import { hold, inOrder, LOCK, lost, openJournal, put, temporaryDirectory, turn } from './fixture.js';

/** As lockd 0.1 wrote it. */
function withoutCause(record: LostRecord): LostRecord {
  const { cause: _, ...old } = record;
  return old as LostRecord;
}

test('a loss without cause was forced: lockd 0.1 knew no other', async () => {
  const directory = temporaryDirectory();
  const old = await openJournal(directory);
  await old.store.close();
  const records = [hold(1), withoutCause(lost(2, 'r2'))];
  const head = { directory: 'directory-1', epoch: 2, segment: 1, time: 1, turn: 1, nextToken: 4 };
  const lines = [
    encodeLine({ line: 'head', format: 1, ...head }),
    encodeLine({ line: 'records', records }),
    encodeLine({ line: 'end', records: 2 }),
    encodeLine({ line: 'turn', turn: 1, nextToken: 5, changes: [put(withoutCause(lost(4, 'r4')))] }),
  ];
  fs.writeFileSync(old.layout.segment({ epoch: 2, segment: 1 }), Buffer.concat(lines));
  const { store } = await openJournal(directory);
  const expected = [hold(1), lost(2, 'r2'), lost(4, 'r4')];
  expect(inOrder(store.recovered.records)).toEqual(expected);
  await store.commit(turn(6, put({ ...lost(5, 'r5'), cause: 'expired' })), LOCK);
  await store.close();
  const next = await openJournal(directory);
  expect(inOrder(next.store.recovered.records)).toEqual([
    ...expected,
    { ...lost(5, 'r5'), cause: 'expired' },
  ]);
});
