/**
 * A history: what was asked of a lock daemon, what it answered, and what else happened that matters to what it promises.
 * Times are milliseconds of one true clock. A call without an end, or that was carried more than once, may have been done at
 * any time since it began, or never.
 */
import type { RefusalName } from '../../src/core/refusals.js';

export type Method =
  | 'lock'
  | 'enqueue'
  | 'wait'
  | 'cancel'
  | 'unlock'
  | 'renew'
  | 'extend'
  | 'update'
  | 'check'
  | 'status'
  | 'forceUnlock'
  | 'confirmFenced';

export interface SeenHold {
  readonly client: string;
  readonly token: number;
  /** It is held, and not lost. */
  readonly isLive: boolean;
}

/** What a call was answered. */
export type Outcome =
  /** The client has, or still has, a hold. `left`: seconds of its lease from the answering on; absent: no lease. */
  | {
      readonly kind: 'hold';
      readonly client: string;
      readonly token: number;
      readonly limit: number;
      readonly ttl?: number;
      readonly left?: number;
    }
  | { readonly kind: 'queued'; readonly position: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'checked'; readonly isCurrent: boolean }
  | {
      readonly kind: 'seen';
      readonly limit: number;
      readonly holds: readonly SeenHold[];
      readonly line: readonly string[];
      readonly isUnreadable: boolean;
    }
  /** `token`: of the hold that the refusal speaks of. */
  | { readonly kind: 'refused'; readonly refusal: RefusalName | 'protocol'; readonly text: string };

/** One attempt of a call: what went over one connection. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly resource: string;
  /** Who asks; for `status` and `check` nobody in particular. */
  readonly client: string;
  readonly request?: string;
  readonly token?: number;
  readonly ttl?: number;
  readonly newClient?: string;
  /** `forceUnlock`: the caller vouches for the holder. */
  readonly isVouched?: boolean;
  readonly started: number;
  /** When it reached a daemon, as far as that is known. */
  arrived?: number;
  /** When the daemon wrote the answer that came, as far as that is known. */
  answered?: number;
  ended?: number;
  outcome?: Outcome;
  /** It was carried more than once. */
  isDoubled?: boolean;
  /** Where it came to, and what became of it there, as far as that is known. */
  readonly visits?: Visit[];
}

/** A request that reached a daemon. */
export interface Visit {
  /** Who answers there; it may be another one when the request is read. */
  daemon: string;
  readonly at: number;
  /** When the daemon saw that nobody is there to be answered. */
  goneAt?: number;
  wroteAt?: number;
}

/** What else happens. */
export type Happening =
  /** A daemon opens the directory, and serves from `ready` on. */
  | { readonly kind: 'started'; readonly daemon: string; readonly from: number; readonly ready: number }
  /** No daemon served: none was there, or it was stopped. Leases stand still. `awakeMs`: what its machine did not sleep of it. */
  | { readonly kind: 'away'; readonly from: number; readonly to: number; readonly awakeMs?: number }
  | { readonly kind: 'ended'; readonly daemon: string; readonly at: number }
  /** The disk refused or hung now and then. */
  | { readonly kind: 'troubled'; readonly from: number; readonly to: number }
  /** A fence command ran; it has succeeded if `succeeded`. */
  | {
      readonly kind: 'fenced';
      readonly daemon: string;
      readonly resource: string;
      readonly token: number;
      readonly from: number;
      readonly to: number;
      readonly succeeded: boolean;
    }
  /** Work was done on a resource by this client, who believes to hold it with this token. */
  | {
      readonly kind: 'worked';
      readonly resource: string;
      readonly client: string;
      readonly token: number;
      readonly at: number;
    }
  /** Somebody put a foreign lock file there. */
  | { readonly kind: 'foreign'; readonly resource: string; readonly client: string; readonly at: number }
  /** A reader of a lock file saw what it must not see. */
  | { readonly kind: 'misread'; readonly at: number; readonly text: string }
  /** The journal was taken away: of what was before, only the lock files are known, with tokens up to this one. */
  | { readonly kind: 'reset'; readonly at: number; readonly ready: number; readonly highestToken: number };

export interface History {
  readonly calls: readonly Call[];
  readonly happenings: readonly Happening[];
  /** Whether a fence command applies to a resource. */
  isFenced(resource: string): boolean;
}

/** What a history breaks. */
export interface Violation {
  /** C1 to C9, or what else was checked. */
  readonly rule: string;
  readonly at: number;
  readonly text: string;
}

/** What one call was about, for people. */
export function describe(call: Call): string {
  const { method, resource, client, request, token, newClient } = call;
  const parts = [method, resource, client];
  if (request !== undefined) parts.push(`key ${request}`);
  if (token !== undefined) parts.push(`token ${token}`);
  if (newClient !== undefined) parts.push(`to ${newClient}`);
  return `#${call.id} ${parts.join(' ')}`;
}

export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'hold': {
      const { client, token, left } = outcome;
      return `${client} holds by token ${token}${left === undefined ? '' : ` for ${left} s`}`;
    }
    case 'queued':
      return `queued, number ${outcome.position}`;
    case 'done':
      return 'done';
    case 'checked':
      return outcome.isCurrent ? 'current' : 'not current';
    case 'seen': {
      const holds = outcome.holds.map(
        ({ client, token, isLive }) => `${client} ${token}${isLive ? '' : ' lost'}`,
      );
      return `held by [${holds.join(', ')}], waiting [${outcome.line.join(', ')}]${outcome.isUnreadable ? ', unreadable' : ''}`;
    }
    case 'refused':
      return `refused: ${outcome.refusal}: ${outcome.text}`;
  }
}
