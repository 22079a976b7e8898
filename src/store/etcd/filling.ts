/**
 * Fills a prefix with what a store elsewhere remembers. While it is filled, a mark stands at the turn key, which nobody can
 * lead from; the last transaction puts the turn in its place, and from then on all of it counts.
 *
 * Every transaction compares that the mark is that of this very run, and writes the same however often it is done: what is
 * not answered is sent again, and what arrives late changes nothing. A run that died leaves the mark; the next one takes its
 * place, and begins anew.
 */
import { type Compare, type Kv, KvError, type Operation } from '../../etcd/kv.js';
import { decodeMoving, decodeTurn, encodeMoving, encodeTurn, type Moving, type TurnState } from './format.js';
import type { Keys } from './keys.js';
import { keyValueBytes } from './pages.js';
import { ETCD_LIMITS } from './transaction.js';

/** Milliseconds for one request: the first one may have much to remove. */
const TRY_MS = 15_000;

/** Milliseconds for which etcd may be silent, and between two tries. */
const SILENCE_MS = 30_000;
const RETRY_MS = 250;

/** Bytes of what is put in one transaction: well below the 1.5 MiB that etcd takes in one request. */
const BATCH_BYTES = 1 << 20;

/** Transactions under way at once: while etcd flushes some, the next are made. */
const AT_ONCE = 4;

export type Put = Extract<Operation, { readonly kind: 'put' }>;

/** What stands under a prefix. */
export type PrefixContent =
  | { readonly kind: 'empty' }
  /** Some run of `lockd migrate` is filling it, or has died. `modRevision`: of the mark. */
  | { readonly kind: 'moving'; readonly id: string; readonly moving: Moving; readonly modRevision: number }
  /** Members serve from it, or can. */
  | { readonly kind: 'used'; readonly id: string; readonly turn: TurnState }
  /** Something that no lockd left. `what`: one of the keys. */
  | { readonly kind: 'other'; readonly what: string };

export interface FillingParts {
  readonly kv: Kv;
  readonly keys: Keys;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Resolves after so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Throws when this process may not go on. Asked before each request. */
  readonly assert: () => void;
}

/** Somebody else writes where we do. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

/** Looks what is there. Rejects with `KvError`, and with `PrefixDamaged`. */
export async function lookAtPrefix(parts: FillingParts): Promise<PrefixContent> {
  const { kv, keys } = parts;
  const reads = [keys.id, keys.leader, keys.turn].map((key): Operation => ({ kind: 'get', key }));
  const { found } = await ask(parts, (timeoutMs) => kv.transact({ compare: [], success: reads }, timeoutMs));
  const [id, leader, turn] = found.map(([first]) => first);
  if (turn && id) {
    const moving = decodeMoving(turn);
    if (moving) return { kind: 'moving', id: id.value, moving, modRevision: turn.modRevision };
    return { kind: 'used', id: id.value, turn: decodeTurn(turn) };
  }
  const others = await Promise.all(
    [keys.allRecords, keys.allHistory].map((range) =>
      ask(parts, (timeoutMs) => kv.range({ ...range, limit: 1 }, timeoutMs)),
    ),
  );
  const what = [id, turn, leader, ...others.map((other) => other.found[0])].find((one) => one !== undefined);
  return what ? { kind: 'other', what: what.key } : { kind: 'empty' };
}

export class Filling {
  private constructor(
    private readonly parts: FillingParts,
    private readonly id: string,
    /** Of the mark. */
    private readonly modRevision: number,
  ) {}

  /**
   * Puts the mark, and the id of the prefix; removes what an earlier run has written. Rejects with `NotOurs` where the prefix
   * is not any more as `content` says, and with `KvError`.
   *
   * @param moving names this run: never the same twice.
   */
  static async begin(
    parts: FillingParts,
    content: Extract<PrefixContent, { readonly kind: 'empty' | 'moving' }>,
    id: string,
    moving: Moving,
  ): Promise<Filling> {
    const { kv, keys } = parts;
    const isNew = content.kind === 'empty';
    const compare: Compare[] = isNew
      ? [keys.id, keys.leader, keys.turn].map((key) => ({ key, createRevision: 0 }))
      : [{ key: keys.turn, modRevision: content.modRevision }];
    const success: Operation[] = [
      { kind: 'put', key: keys.turn, value: encodeMoving(moving) },
      ...(isNew ? [{ kind: 'put', key: keys.id, value: id } as const] : []),
      { kind: 'removeRange', ...keys.allRecords },
      { kind: 'removeRange', ...keys.allHistory },
    ];
    const answer = await ask(parts, (timeoutMs) => kv.transact({ compare, success }, timeoutMs));
    if (answer.succeeded) return new Filling(parts, id, answer.revision);
    // An earlier try of this one, which was not answered?
    const now = await lookAtPrefix(parts);
    if (now.kind === 'moving' && now.id === id && now.moving.run === moving.run)
      return new Filling(parts, id, now.modRevision);
    throw new NotOurs(`Somebody else began to write below ${keys.prefix} in etcd at the same time`);
  }

  /** Puts all of it, in as few transactions as may be. `onPut` hears how many were put so far. Rejects as `begin` does. */
  async put(puts: AsyncIterable<Put> | Iterable<Put>, onPut: (count: number) => void): Promise<void> {
    let done = 0;
    const underWay = new Set<Promise<void>>();
    let failed: unknown;
    for await (const batch of batchesOf(puts)) {
      const one: Promise<void> = this.#write(batch)
        .then(() => {
          done += batch.length;
          onPut(done);
        })
        .catch((error: unknown) => {
          failed ??= error;
        })
        .finally(() => underWay.delete(one));
      underWay.add(one);
      if (underWay.size >= AT_ONCE) await Promise.race(underWay);
      if (failed !== undefined) break;
    }
    await Promise.all(underWay);
    if (failed !== undefined) throw failed;
  }

  /** From now on members can lead here. To be called when all is put. Rejects as `begin` does: then it may have happened. */
  async finish(turn: TurnState): Promise<void> {
    const { keys } = this.parts;
    try {
      await this.#write([{ kind: 'put', key: keys.turn, value: encodeTurn(turn) }]);
    } catch (error) {
      if (!(error instanceof NotOurs)) throw error;
      // An earlier try of this one, which was not answered: somebody may even have led since.
      const now = await lookAtPrefix(this.parts);
      if (now.kind === 'used' && now.id === this.id && now.turn.turn >= turn.turn) return;
      throw error;
    }
  }

  async #write(success: readonly Operation[]): Promise<void> {
    const { kv, keys } = this.parts;
    const compare = [{ key: keys.turn, modRevision: this.modRevision }];
    const { succeeded } = await ask(this.parts, (timeoutMs) => kv.transact({ compare, success }, timeoutMs));
    if (!succeeded) throw new NotOurs(`${keys.turn} in etcd was changed by somebody else meanwhile`);
  }
}

/** As much as fits into one transaction each. */
async function* batchesOf(puts: AsyncIterable<Put> | Iterable<Put>): AsyncGenerator<readonly Put[]> {
  let batch: Put[] = [];
  let bytes = 0;
  for await (const put of puts) {
    const length = keyValueBytes(put);
    if (batch.length > 0 && (batch.length === ETCD_LIMITS.recordsPerTurn || bytes + length > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(put);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}

/** For what may be asked any number of times. */
async function ask<T>(parts: FillingParts, request: (timeoutMs: number) => Promise<T>): Promise<T> {
  const giveUpAt = parts.monotonic() + SILENCE_MS;
  for (;;) {
    parts.assert();
    try {
      return await request(TRY_MS);
    } catch (error) {
      const isFinal = !(error instanceof KvError) || error.reason !== undefined;
      if (isFinal || parts.monotonic() >= giveUpAt) throw error;
    }
    await parts.pause(RETRY_MS);
  }
}
