/**
 * Makes a turn last: one transaction, which compares that we lead and that nobody wrote a turn since our last one. What it
 * does when etcd's answer is an error or none at all:
 *
 * - `never`: it was not tried. It is sent again, or refused where etcd would only refuse it again.
 * - `settled`: nothing of it is under way. What stands in etcd now says whether it happened.
 * - `unknown`: it may still happen at any time, so that looking proves nothing. A transaction with the same comparisons that
 *   writes the turn key as it is (only its revision rises) settles it: where that one succeeds, the first one did not happen
 *   and never will, because what it compares is gone; where it fails, what stands there says what happened.
 *
 * Until one of these is certain nobody is answered; when the leadership ends before, nobody is at all (`Stopped`). Nothing
 * that writes is sent twice unless it is certain that the first one never happened.
 */
import {
  type Compare,
  type KeyValue,
  type Kv,
  KvError,
  type Operation,
  type TransactionAnswer,
} from '../../etcd/kv.js';
import { Stopped } from '../port.js';
import { decodeTurn, encodeTurn, type TurnState } from './format.js';
import type { Keys } from './keys.js';
import type { Leadership } from './leadership.js';
import type { Patience } from './patience.js';

/** The newest turn as it stands in etcd. */
export interface SavedTurn extends TurnState {
  /** Of the turn key. */
  readonly modRevision: number;
}

export interface TurnWriterParts {
  readonly kv: Kv;
  readonly keys: Keys;
  readonly leadership: Leadership;
  readonly patience: Patience;
}

export class TurnWriter {
  constructor(
    private readonly parts: TurnWriterParts,
    private saved: SavedTurn,
  ) {}

  /** The newest turn that is certainly saved. */
  get last(): TurnState {
    return this.saved;
  }

  /**
   * Writes the next turn: `operations` beside the turn key. Answers undefined when it is saved, and otherwise why it
   * certainly is not and never will be. Throws `Stopped` where nobody knows.
   */
  async write(nextToken: number, operations: readonly Operation[]): Promise<KvError | undefined> {
    const next = { turn: this.saved.turn + 1, nextToken };
    for (let tries = 1; ; tries += 1) {
      const error = await this.#send(next, operations);
      if (!error || isFinal(error)) return error;
      await this.parts.patience.pause(tries);
    }
  }

  /** Sends it once. Answers undefined when it is saved, and otherwise the error with which it came to nothing. */
  async #send(next: TurnState, operations: readonly Operation[]): Promise<KvError | undefined> {
    const compare = this.#compare();
    try {
      const answer = await this.#transact(compare, [this.#put(next), ...operations]);
      if (!answer.succeeded) throw this.#lost(answer);
      this.saved = { ...next, modRevision: answer.revision };
      return undefined;
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      if (error.fate === 'never') return error;
      const happened = error.fate === 'settled' ? await this.#look(next) : await this.#settle(next, compare);
      return happened ? undefined : error;
    }
  }

  /** Whether a turn happened of which nothing is under way any more. */
  async #look(next: TurnState): Promise<boolean> {
    const { patience, kv } = this.parts;
    const transaction = { compare: [], success: this.#reads() };
    const { found } = await patience.ask((timeoutMs) => kv.transact(transaction, timeoutMs));
    return this.#hasHappened(next, found);
  }

  /** Whether a turn happened of which nobody knows whether it is under way; afterwards it is not. */
  async #settle(next: TurnState, compare: readonly Compare[]): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#transact(compare, [this.#put(this.saved)]);
        if (!answer.succeeded) return this.#hasHappened(next, answer.found);
        this.saved = { ...this.saved, modRevision: answer.revision };
        return false;
      } catch (error) {
        // Whatever became of this one, it changed nothing but a revision: the next one tells.
        if (!(error instanceof KvError)) throw error;
      }
      await this.parts.patience.pause(tries);
    }
  }

  /** By what stands in etcd, read when nothing of the turn could happen later any more. */
  #hasHappened(next: TurnState, found: TransactionAnswer['found']): boolean {
    const turn = this.#whereWeLead(found);
    const state = decodeTurn(turn);
    const isAs = (other: TurnState) => state.turn === other.turn && state.nextToken === other.nextToken;
    // As it was; or raised by a settling transaction that was not answered.
    const isLast = isAs(this.saved);
    if (!isLast && !isAs(next)) throw this.#foreign();
    this.saved = { ...state, modRevision: turn.modRevision };
    return !isLast;
  }

  #lost({ found }: TransactionAnswer): Stopped {
    this.#whereWeLead(found);
    return this.#foreign();
  }

  /** What stands at the turn key. Throws `Stopped` where we do not lead any more. */
  #whereWeLead([leader, turn]: TransactionAnswer['found']): KeyValue {
    const { leadership, keys } = this.parts;
    if (leader?.[0]?.createRevision !== leadership.createRevision) {
      throw new Stopped(`The leadership of ${keys.prefix} in etcd is lost`);
    }
    if (!turn?.[0]) throw this.#foreign();
    return turn[0];
  }

  #foreign(): Stopped {
    return new Stopped(`${this.parts.keys.turn} in etcd was changed by somebody who does not lead`);
  }

  #transact(compare: readonly Compare[], success: readonly Operation[]): Promise<TransactionAnswer> {
    const { patience, kv } = this.parts;
    const transaction = { compare, success, failure: this.#reads() };
    return patience.askOnce((timeoutMs) => kv.transact(transaction, timeoutMs));
  }

  #compare(): Compare[] {
    const { leadership, keys } = this.parts;
    return [
      { key: leadership.key, createRevision: leadership.createRevision },
      { key: keys.turn, modRevision: this.saved.modRevision },
    ];
  }

  #reads(): Operation[] {
    return [this.parts.leadership.key, this.parts.keys.turn].map((key) => ({ kind: 'get', key }));
  }

  #put(state: TurnState): Operation {
    return { kind: 'put', key: this.parts.keys.turn, value: encodeTurn(state) };
  }
}

/** Sent again, it would only be refused again. */
function isFinal({ reason }: KvError): boolean {
  return reason !== undefined;
}
