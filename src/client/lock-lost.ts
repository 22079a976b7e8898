/** The end of a hold against its holder's will, and how to tell it from a renewal that merely failed. */
import type { RefusalName } from '../core/refusals.js';
import { AnotherCluster, RefusedCall } from './errors.js';

/** Whose hold of what. */
export interface HeldBy {
  readonly resource: string;
  readonly client: string;
  readonly token: string;
}

/** The lock is lost: work on its resource must stop. `cause` is what the last renewal met, where there was one. */
export class LockLost extends Error implements HeldBy {
  override readonly name = 'LockLost';
  readonly resource: string;
  readonly client: string;
  readonly token: string;
  /** What the work under `withLock` threw when it was stopped, or before. */
  suppressed?: unknown;

  constructor({ resource, client, token }: HeldBy, how: string, cause?: unknown) {
    super(
      `'${client}' lost '${resource}' (token ${token}): ${how}. Stop work on it`,
      cause === undefined ? {} : { cause },
    );
    this.resource = resource;
    this.client = client;
    this.token = token;
  }
}

/** Refusals after which the hold is certainly not ours any more. */
const LOSSES: ReadonlySet<RefusalName | undefined> = new Set([
  'lost',
  'staleToken',
  'notLocked',
  'notOwner',
  'ended',
]);

/** The loss that a failed call means; undefined where the hold may still be there. */
export function lossIn(error: unknown, held: HeldBy): LockLost | undefined {
  if (error instanceof AnotherCluster) return new LockLost(held, sentence(error), error);
  if (!(error instanceof RefusedCall) || !LOSSES.has(error.refusal)) return undefined;
  return new LockLost(held, `the daemon says: ${sentence(error)}`, error);
}

/** The loss of a lease that could not be renewed in time. */
export function notRenewed(held: HeldBy, lastFailure: unknown): LockLost {
  const why = lastFailure instanceof Error ? `: ${sentence(lastFailure)}` : '';
  return new LockLost(held, `its lease could not be renewed in time${why}`, lastFailure);
}

/** The daemon answered for another hold than ours. */
export function anotherToken(held: HeldBy, token: string): LockLost {
  return new LockLost(held, `the daemon answered with token ${token}`);
}

/** A message without the advice that the text of a loss ends with itself. */
function sentence({ message }: Error): string {
  return message.replace(/(?:\. Stop work on it)?\.?$/, '');
}
