/** What a daemon can do against its promises, as the ledgers count it. */

/**
 * `lost`: an acknowledged lock is gone. `resurrected`: what was unlocked is held again. `done`: a change was refused, and
 * happened all the same. `reused`: a token was given twice, or one that is not above all before. `other`: anything else.
 */
export const BREACHES = ['lost', 'resurrected', 'done', 'reused', 'other'] as const;

export type Breach = (typeof BREACHES)[number];

export type BreachCounts = Record<Breach, number>;

export function noBreaches(): BreachCounts {
  return { lost: 0, resurrected: 0, done: 0, reused: 0, other: 0 };
}
