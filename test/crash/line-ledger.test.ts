/** The ledger of the lines accepts what can be, and rejects what cannot: a checker that cannot fail is a defect. */
import { describe, expect, test } from 'vitest';
import type { FoundHold } from './ledger.js';
import { type Course, LineLedger } from './line-ledger.js';

/** A ledger whose clock is set by hand; all clients want the resource `r`. */
class Story {
  readonly ledger = new LineLedger();
  readonly #courses = new Map<string, Course>();
  #now = 0;

  at(milliseconds: number): this {
    this.#now = milliseconds;
    return this;
  }

  /** With a key, unless told otherwise. */
  asks(client: string, how: { dies?: boolean; keyless?: boolean; resource?: string } = {}): this {
    const { dies = false, keyless = false, resource = 'r' } = how;
    const key = keyless ? {} : { request: `key of ${client}` };
    const ask = { resource, client, ttl: dies ? 1 : 300, dies, ...key };
    this.#courses.set(client, this.ledger.asks(ask, this.#now));
    return this;
  }

  repeats(client: string): this {
    this.ledger.repeats(this.#course(client), this.#now);
    return this;
  }

  granted(client: string, token: number, waited = 0): this {
    this.ledger.granted(this.#course(client), { token, waited }, this.#now);
    return this;
  }

  renewed(client: string, token: number): this {
    this.ledger.renewed(this.#course(client), token);
    return this;
  }

  refused(client: string, code: number): this {
    this.ledger.refused(this.#course(client), `fault ${code}: no`);
    return this;
  }

  /** Without an answer yet. */
  unlocks(client: string): this {
    this.ledger.unlocking(this.#course(client));
    return this;
  }

  unlocked(client: string): this {
    this.ledger.unlocked(this.#course(client));
    return this;
  }

  finds(...holds: [client: string, token: number, resource?: string][]): this {
    const found: FoundHold[] = holds.map(([client, token, resource = 'r']) => ({ resource, client, token }));
    this.ledger.restarted(found, this.#now);
    return this;
  }

  #course(client: string): Course {
    const course = this.#courses.get(client);
    if (!course) throw new Error(`${client} never asked`);
    return course;
  }
}

const story = () => new Story();
/** A holds by token 5. */
const held = () => story().asks('A').granted('A', 5);
/** A holds by token 5 for a second, and then dies with its lease. */
const dying = () => story().asks('A', { dies: true }).granted('A', 5);

describe('what can be', () => {
  test.each<[string, Story]>([
    ['one after another', held().asks('B').unlocks('A').granted('B', 6).unlocked('A')],
    [
      'a hold that is there after the restart',
      held().finds(['A', 5]).renewed('A', 5).unlocks('A').unlocked('A'),
    ],
    ['a grant that nobody heard of', story().asks('A').finds(['A', 5]).repeats('A').granted('A', 5)],
    [
      'the same without a key',
      story().asks('A', { keyless: true }).finds(['A', 5]).unlocks('A').unlocked('A'),
    ],
    ['a place that is kept', held().asks('B').finds(['A', 5]).repeats('B').unlocks('A').granted('B', 6)],
    ['an unlock that was done', held().unlocks('A').finds().asks('A').granted('A', 6)],
    ['an unlock that was not done', held().unlocks('A').finds(['A', 5]).unlocks('A').unlocked('A')],
    ['a lease that ended', dying().asks('B').at(1_000).granted('B', 6)],
    ['a lease that ended before the restart', dying().at(1_000).finds()],
    ['a lease that lasts longer than it must', dying().at(9_000).finds(['A', 5])],
    [
      'a lease that ended before anybody heard of it',
      story().asks('A', { dies: true }).finds(['A', 5]).refused('A', 17),
    ],
    [
      'an answer that came later than its lease lasted',
      story().asks('A', { dies: true }).asks('B').at(2_000).granted('B', 6).granted('A', 5),
    ],
    ['two resources', held().asks('B', { resource: 's' }).granted('B', 4)],
  ])('%s', (_name, { ledger }) => {
    expect(ledger.problems).toEqual([]);
  });
});

describe('what cannot be', () => {
  test.each<[string, Story, RegExp]>([
    ['a hold is lost', held().finds(), /A on r lost token 5/],
    ['a hold comes back', held().unlocks('A').unlocked('A').finds(['A', 5]), /does not want it/],
    ['a hold on something else', held().finds(['A', 5, 's']), /A holds s .* does not want it/],
    ['another token after the restart', held().finds(['A', 6]), /is found with token 6, not 5/],
    [
      'another token for the same key',
      story().asks('A').finds(['A', 5]).granted('A', 6),
      /granted 6 after 5/,
    ],
    ['another token by renewing', held().renewed('A', 6), /renewed 5 and was answered 6/],
    ['two holders', held().asks('B').granted('B', 6), /B on r got token 6 while A holds it by token 5/],
    [
      'two holders, one untold',
      story().asks('A').asks('B').finds(['A', 5]).granted('B', 6),
      /while A holds it/,
    ],
    ['two holders after the restart', held().asks('B').finds(['A', 5], ['B', 6]), /r has two holders/],
    ['a lease that ended too early', dying().asks('B').at(999).granted('B', 6), /while A holds it/],
    [
      'a lease that did not start with the grant',
      story().asks('A', { dies: true }).at(500).granted('A', 5, 0.5).asks('B').at(1_400).granted('B', 6),
      /while A holds it/,
    ],
    ['a lease that a restart shortened', dying().at(999).finds(), /lost token 5/],
    ['a token twice', held().unlocks('A').unlocked('A').asks('B').granted('B', 5), /used before/],
    ['a token twice, elsewhere', held().asks('B', { resource: 's' }).granted('B', 5), /used before/],
    ['a token that fell', held().unlocks('A').unlocked('A').asks('B').granted('B', 4), /not above 5/],
    ['a found token that fell', held().unlocks('A').unlocked('A').asks('B').finds(['B', 4]), /not above 5/],
    ['no token', story().asks('A').granted('A', Number.NaN), /NaN/],
    ['a refusal', story().asks('A').refused('A', 1), /asking, was answered fault 1/],
    ['an unlock that is refused', held().unlocks('A').refused('A', 3), /unlocking, was answered fault 3/],
    ['a key that ended although its lease runs', story().asks('A').refused('A', 17), /fault 17/],
  ])('%s', (_name, { ledger }, problem) => {
    expect(ledger.problems.join('\n')).toMatch(problem);
  });
});
