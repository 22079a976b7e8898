/** What came of an experiment, in numbers that add up. */
import { type BreachCounts, noBreaches } from '../crash/breaches.js';

export interface Tally {
  /** Daemons that were started. */
  daemons: number;
  /** Of those that were meant to fail somewhere: how many did, there or before. */
  hit: number;
  /** Locks and unlocks that were acknowledged. */
  acknowledged: number;
  /** Those that were refused because the storage took nothing. */
  refused: number;
  readonly breaches: BreachCounts;
  /** One sentence each, with what leads there again. */
  readonly problems: string[];
}

export function emptyTally(): Tally {
  return { daemons: 0, hit: 0, acknowledged: 0, refused: 0, breaches: noBreaches(), problems: [] };
}

/** What a ledger has counted. */
interface Counted {
  readonly acknowledged: number;
  readonly refused: number;
  readonly breaches: BreachCounts;
  readonly problems: readonly string[];
}

/** Adds what the ledger of one lock directory has counted; `where` leads there again. */
export function addLedger(tally: Tally, ledger: Counted, where: string): void {
  tally.acknowledged += ledger.acknowledged;
  tally.refused += ledger.refused;
  for (const [breach, count] of Object.entries(ledger.breaches)) {
    tally.breaches[breach as keyof BreachCounts] += count;
  }
  tally.problems.push(...ledger.problems.map((problem) => `${where}: ${problem}`));
}
