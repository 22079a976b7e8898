import * as fs from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredRecord, Turn } from '../../src/core/records.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Stopped } from '../../src/store/port.js';
import { FaultyDisk, type Operation } from '../disk/faulty-disk.js';
import { arbitraryTurn } from './arbitrary-turns.js';
import { applyToModel } from './contract.js';
import { crashCopy, inOrder, LOCK, newestSegment, openJournal, temporaryDirectory } from './fixture.js';

/** What happens to a journal, one step after the other. */
type Step =
  | { readonly do: 'commit'; readonly turn: Turn }
  | {
      readonly do: 'fail';
      readonly op: Operation;
      readonly code: string;
      readonly after: number;
      done: boolean;
    }
  | { readonly do: 'fill'; readonly shortBytes: number }
  | { readonly do: 'maintain' }
  | { readonly do: 'restart' }
  | { readonly do: 'crash'; readonly garbage: string };

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: arbitraryTurn.map((turn): Step => ({ do: 'commit', turn })) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      op: fc.constantFrom<Operation>(
        'write',
        'sync',
        'truncate',
        'link',
        'unlink',
        'create',
        'close',
        'open',
        'stat',
      ),
      code: fc.constantFrom('ENOSPC', 'EIO', 'EPERM'),
      after: fc.nat({ max: 4 }),
      done: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.nat({ max: 300 }).map((shortBytes): Step => ({ do: 'fill', shortBytes })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'maintain' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('', '{"line":"tu', '\0\0\0')
      .map((garbage): Step => ({ do: 'crash', garbage })),
  },
);

/** A journal and what must be in it. */
class Journal {
  #directory = temporaryDirectory();
  #faulty = new FaultyDisk(nodeDisk);
  #opened: Awaited<ReturnType<typeof openJournal>> | undefined;
  #model = new Map<string, StoredRecord>();
  /** A turn of which nobody knows whether it was saved. */
  #unknown: Turn | undefined;
  #nextToken = 1;

  async do(step: Step): Promise<void> {
    const opened = this.#opened ?? (await this.#open());
    if (step.do === 'commit') await this.#commit(step.turn);
    else if (step.do === 'fail') this.#faulty.failNext(step.op, step);
    else if (step.do === 'fill')
      this.#faulty.failNext('write', { code: 'ENOSPC', shortBytes: step.shortBytes, path: /journal/ });
    else if (step.do === 'maintain') this.#maintain();
    else if (step.do === 'restart') {
      this.#faulty.heal();
      await opened.store.close();
      await this.#open();
    } else {
      this.#directory = crashCopy(this.#directory);
      fs.appendFileSync(newestSegment(this.#directory), step.garbage);
      await this.#open();
    }
  }

  async end(): Promise<void> {
    await this.do({ do: 'restart' });
    await this.#opened?.store.close();
  }

  async #open() {
    this.#faulty = new FaultyDisk(nodeDisk);
    this.#opened = await openJournal(this.#directory, { faulty: this.#faulty, segmentBytes: 1_000 });
    const { store } = this.#opened;
    const found = inOrder(store.recovered.records);
    const possible = [this.#model];
    if (this.#unknown) {
      possible.push(new Map(this.#model));
      applyToModel(possible[1] as Map<string, StoredRecord>, this.#unknown);
    }
    expect(possible.map((model) => inOrder(model.values()))).toContainEqual(found);
    expect(store.recovered.nextToken).toBeGreaterThanOrEqual(this.#nextToken);
    this.#model = possible.find((model) => equal(inOrder(model.values()), found)) ?? this.#model;
    this.#unknown = undefined;
    return this.#opened;
  }

  async #commit(asked: Turn): Promise<void> {
    // The next token never falls, as the table sees to it.
    const turn = { ...asked, nextToken: Math.max(asked.nextToken, this.#nextToken) };
    try {
      const outcome = await this.#opened?.store.commit(turn, LOCK);
      if (!outcome?.saved) return;
      applyToModel(this.#model, turn);
      this.#nextToken = turn.nextToken;
    } catch (error) {
      expect(error).toBeInstanceOf(Stopped);
      // Only the first is in doubt: whatever comes later is not even tried.
      this.#unknown ??= turn;
    }
  }

  #maintain(): void {
    try {
      this.#opened?.store.maintain();
    } catch (error) {
      expect(error).toHaveProperty('code');
    }
  }
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

test('through any history of turns, failures, restarts and crashes every acknowledged turn is there', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryStep, { minLength: 5, maxLength: 40 }), async (steps) => {
      const journal = new Journal();
      for (const step of steps) await journal.do(step);
      await journal.end();
    }),
    { numRuns: 60 },
  );
});
