/**
 * The ledger of the crash suites: what clients asked, what they were answered, and what was found after each restart;
 * says where the two do not go together. It knows nothing of processes or disks.
 *
 * Each client makes its calls on a resource one after another, and knows the order in which it sent and heard
 * everything. A call whose answer never came may have been done or not; what is found settles it.
 */

import { type Breach, noBreaches } from './breaches.js';

export interface Call {
  readonly method: 'lock' | 'unlock';
  readonly resource: string;
  readonly client: string;
}

/** The token of a grant; or that an unlock was done; or the code of a fault. */
export type Answer = { readonly granted: number } | 'unlocked' | { readonly fault: number };

export interface FoundHold {
  readonly resource: string;
  readonly client: string;
  readonly token: number;
}

/** A call of which no answer has come yet. */
export interface Sent extends Call {
  /** The greatest token that was known when it was sent. */
  readonly above: number;
  /** Somebody else may have held the resource since. */
  contested: boolean;
}

/** What is known of one client's hold on one resource. */
interface Belief {
  readonly resource: string;
  readonly client: string;
  /** The token that was acknowledged, until the unlock was. */
  token?: number | undefined;
  pending?: Sent | undefined;
  /** What the client was told of its last call that would have changed something. */
  told?: 'granted' | 'unlocked' | 'refused' | undefined;
}

const HELD = 1;
const NOT_OWNER = 2;
const NOT_LOCKED = 3;

/** Faults that say: nothing was changed. */
const UNCHANGED = [15, 16];

export class Ledger {
  /** What went wrong, one sentence each. */
  readonly problems: string[] = [];
  /** The same, counted by what was broken. */
  readonly breaches = noBreaches();
  /** Locks and unlocks that were acknowledged. */
  acknowledged = 0;
  /** Those that the storage was said not to take. */
  refused = 0;
  readonly #beliefs = new Map<string, Belief>();
  readonly #byResource = new Map<string, Belief[]>();
  readonly #tokens = new Set<number>();
  #greatest = 0;

  /** The token under which a client is known to hold a resource. */
  token(resource: string, client: string): number | undefined {
    return this.#beliefs.get(`${resource} ${client}`)?.token;
  }

  /** A call is about to leave. */
  sent(call: Call): Sent {
    const belief = this.#belief(call);
    if (belief.pending) throw new Error(`${call.client} has a call on ${call.resource} in flight already`);
    const others = this.#on(call.resource).filter((other) => other !== belief && mayHold(other));
    const sent: Sent = { ...call, above: this.#greatest, contested: others.length > 0 };
    if (call.method === 'lock') for (const other of this.#pendingOn(call.resource)) other.contested = true;
    belief.pending = sent;
    return sent;
  }

  answered(sent: Sent, answer: Answer): void {
    const belief = this.#belief(sent);
    if (belief.pending !== sent) throw new Error(`nobody waits for the answer to ${describe(sent)}`);
    belief.pending = undefined;
    if (typeof answer === 'object' && 'granted' in answer) this.#granted(belief, sent, answer.granted);
    else if (answer === 'unlocked') this.#unlocked(belief, sent);
    else this.#refused(belief, sent, answer.fault);
  }

  /** The daemon died and another one started: no answer will come any more, and these are the locks. */
  restarted(found: readonly FoundHold[]): void {
    const unseen = new Set(this.#beliefs.values());
    const resources = new Set<string>();
    for (const hold of found) {
      if (resources.has(hold.resource))
        this.problem('other', `${hold.resource} has two holders after the restart`);
      resources.add(hold.resource);
      const belief = this.#belief(hold);
      unseen.delete(belief);
      this.#found(belief, hold.token);
    }
    for (const belief of unseen) this.#notFound(belief);
  }

  /** Somebody found that a promise was broken. */
  problem(breach: Breach, text: string): void {
    this.problems.push(text);
    this.breaches[breach] += 1;
  }

  #granted(belief: Belief, sent: Sent, token: number): void {
    if (sent.method !== 'lock') this.problem('other', `${describe(sent)} was answered with a grant`);
    if (belief.token !== undefined)
      this.problem('other', `${describe(sent)} was granted to who holds it already`);
    const holders = this.#on(sent.resource).filter((other) => other !== belief && surelyHolds(other));
    for (const { client } of holders) {
      this.problem('other', `${describe(sent)} was granted while ${client} holds it`);
    }
    this.#newToken(sent, token);
    belief.token = token;
    belief.told = 'granted';
    this.acknowledged += 1;
  }

  #unlocked(belief: Belief, sent: Sent): void {
    if (sent.method !== 'unlock') this.problem('other', `${describe(sent)} was answered with true`);
    if (belief.token === undefined)
      this.problem('other', `${describe(sent)} succeeded although it did not hold it`);
    belief.token = undefined;
    belief.told = 'unlocked';
    this.acknowledged += 1;
  }

  #refused(belief: Belief, sent: Sent, fault: number): void {
    const changesNothing = (sent.method === 'lock') !== (belief.token === undefined);
    if (!changesNothing) belief.told = 'refused';
    if (UNCHANGED.includes(fault)) {
      this.refused += 1;
      return;
    }
    if (sent.method === 'lock') {
      if (fault !== HELD) this.problem('other', `${describe(sent)} was refused with ${fault}`);
      else if (!sent.contested && belief.token === undefined) {
        this.problem('other', `${describe(sent)} was refused although nobody can hold it`);
      }
    } else if (fault !== NOT_OWNER && fault !== NOT_LOCKED) {
      this.problem('other', `${describe(sent)} was refused with ${fault}`);
    } else if (belief.token !== undefined) {
      this.problem(
        'other',
        `${describe(sent)} was refused with ${fault} although it holds it by token ${belief.token}`,
      );
    }
  }

  #found(belief: Belief, token: number): void {
    const { pending } = belief;
    const where = `${belief.client} on ${belief.resource}`;
    belief.pending = undefined;
    if (belief.token === undefined && pending?.method === 'lock') this.#newToken(pending, token);
    else if (belief.token === undefined) {
      this.problem(
        breachOf(belief),
        `${where} is held by token ${token} after the restart, but was not locked`,
      );
    } else if (belief.token !== token) {
      this.problem('lost', `${where} is held by token ${token} after the restart, not by ${belief.token}`);
    }
    belief.token = token;
    belief.told = 'granted';
    this.#greatest = Math.max(this.#greatest, token);
  }

  #notFound(belief: Belief): void {
    if (belief.token !== undefined && belief.pending?.method !== 'unlock') {
      this.problem(
        belief.told === 'refused' ? 'done' : 'lost',
        `${belief.client} lost ${belief.resource} (token ${belief.token}), which was acknowledged`,
      );
    }
    belief.token = undefined;
    belief.pending = undefined;
    belief.told = undefined;
  }

  #newToken(sent: Sent, token: number): void {
    if (this.#tokens.has(token))
      this.problem('reused', `${describe(sent)} got token ${token}, which was used before`);
    if (!(token > sent.above))
      this.problem('reused', `${describe(sent)} got token ${token}, not above ${sent.above}`);
    this.#tokens.add(token);
    this.#greatest = Math.max(this.#greatest, token);
  }

  #belief({ resource, client }: { readonly resource: string; readonly client: string }): Belief {
    const key = `${resource} ${client}`;
    let belief = this.#beliefs.get(key);
    if (!belief) {
      belief = { resource, client };
      this.#beliefs.set(key, belief);
      this.#byResource.set(resource, [...this.#on(resource), belief]);
    }
    return belief;
  }

  #on(resource: string): readonly Belief[] {
    return this.#byResource.get(resource) ?? [];
  }

  #pendingOn(resource: string): Sent[] {
    return this.#on(resource).flatMap((belief) => belief.pending ?? []);
  }
}

/** Of a hold that should not be there. */
function breachOf({ told }: Belief): Breach {
  if (told === 'unlocked') return 'resurrected';
  return told === 'refused' ? 'done' : 'other';
}

function mayHold({ token, pending }: Belief): boolean {
  return token !== undefined || pending?.method === 'lock';
}

function surelyHolds({ token, pending }: Belief): boolean {
  return token !== undefined && pending?.method !== 'unlock';
}

function describe({ method, resource, client }: Call): string {
  return `${method} ${resource} by ${client}`;
}
