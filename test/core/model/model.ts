/**
 * The rules once more, as plainly as they can be written: arrays, no changes, nothing shared with the real ones. It answers
 * in short texts, and what it has is compared with the table after every step. Durations and moments are seconds.
 */
import { DAY } from '../history.js';
import type { Ask } from './steps.js';

export interface ModelHold {
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  readonly limit: number;
  readonly request?: string;
  readonly asked?: Ask;
  note?: string;
  ttl?: number;
  extended?: number;
  /** When its lease is over; absent until the grant is saved. */
  end?: number;
  lost?: 'fencing' | 'delayed';
}

export interface ModelPlace {
  readonly resource: string;
  readonly client: string;
  readonly limit: number;
  readonly claim: number;
  readonly ttl?: number;
  readonly note?: string;
  readonly request?: string;
  readonly asked?: Ask;
  /** The call that waits on it, and until when. */
  call?: { readonly until: number; readonly comesBack: boolean };
  /** Until when its client may stay away. */
  away?: number;
}

export interface Loss {
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  readonly time: number;
  readonly request?: string;
  superseded: boolean;
}

export interface Records {
  holds: ModelHold[];
  /** Every line, each in its order. */
  places: ModelPlace[];
  losses: Loss[];
  ended: {
    readonly resource: string;
    readonly client: string;
    readonly request: string;
    readonly time: number;
  }[];
}

export type Aftermath = 'fence' | 'delay' | 'none';

/** Leaves out what is undefined. */
export function some<Value extends object>(value: { [Key in keyof Value]: Value[Key] | undefined }): Value {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Value;
}

/** What the model remembers, and what its rules are made of. */
export class ModelRecords {
  now = 0;
  nextToken = 1;
  records: Records = { holds: [], places: [], losses: [], ended: [] };
  /** What open calls were told, as `client on resource: text`. */
  told: string[] = [];
  /** What is done when the turn is saved. */
  whenSaved: (() => void)[] = [];

  holds(resource: string): ModelHold[] {
    return this.records.holds.filter((hold) => hold.resource === resource);
  }

  line(resource: string): ModelPlace[] {
    return this.records.places.filter((place) => place.resource === resource);
  }

  hold(resource: string, client: string): ModelHold | undefined {
    return this.holds(resource).find((hold) => hold.client === client);
  }

  place(resource: string, client: string): ModelPlace | undefined {
    return this.line(resource).find((place) => place.client === client);
  }

  limit(resource: string): number | undefined {
    return [...this.holds(resource), ...this.line(resource)][0]?.limit;
  }

  position(place: ModelPlace): number {
    return this.line(place.resource).indexOf(place) + 1;
  }

  /** Those in line for whom a slot is free, in order; who is being fenced there gets none. */
  next(resource: string): ModelPlace[] {
    const free = (this.limit(resource) ?? 1) - this.holds(resource).length;
    const able = this.line(resource).filter((place) => !this.hold(resource, place.client));
    return able.slice(0, Math.max(0, free));
  }

  grant(hold: ModelHold): ModelHold {
    for (const loss of this.records.losses) {
      if (loss.resource === hold.resource && loss.client === hold.client) loss.superseded = true;
    }
    this.records.holds.push(hold);
    this.nextToken = hold.token + 1;
    this.startWhenSaved(hold);
    return hold;
  }

  /** A lease begins when the change that gives it is saved. */
  startWhenSaved(hold: ModelHold): void {
    const { ttl } = hold;
    if (ttl === undefined || hold.end !== undefined) return;
    const { now } = this;
    this.whenSaved.push(() => {
      if (!hold.lost) hold.end ??= now + ttl;
    });
  }

  grantPlace(place: ModelPlace): ModelHold {
    this.removePlace(place);
    const { resource, client, limit, ttl, note, request, asked } = place;
    const token = this.nextToken;
    return this.grant(some<ModelHold>({ resource, client, token, limit, ttl, note, request, asked }));
  }

  removePlace(place: ModelPlace): void {
    this.records.places = this.records.places.filter((other) => other !== place);
  }

  removeHold(hold: ModelHold): void {
    this.records.holds = this.records.holds.filter((other) => other !== hold);
  }

  /** Gives what is free to those who are there. */
  advance(resource: string): void {
    for (const place of this.next(resource)) {
      if (place.call) this.tell(place, `token ${this.grantPlace(place).token}`);
    }
  }

  tell(place: ModelPlace, text: string): void {
    this.told.push(`${place.client} on ${place.resource}: ${text}`);
  }

  lose(hold: ModelHold, aftermath: Aftermath): void {
    const { resource, client, token, request } = hold;
    this.records.losses.push(
      some<Loss>({ resource, client, token, time: this.now, request, superseded: false }),
    );
    delete hold.end;
    if (aftermath === 'none') this.removeHold(hold);
    else hold.lost = aftermath === 'fence' ? 'fencing' : 'delayed';
  }

  isForgotten(loss: Loss): boolean {
    return this.now - loss.time > DAY && this.hold(loss.resource, loss.client)?.token !== loss.token;
  }

  /** The hold that a call means, or why it is refused. */
  own(resource: string, client: string, token: string | undefined): ModelHold | string {
    const hold = this.hold(resource, client);
    if (hold && !hold.lost && (token === undefined || token === String(hold.token))) return hold;
    const loss = this.records.losses.find((one) => {
      if (one.resource !== resource || one.client !== client || this.isForgotten(one)) return false;
      return token === undefined ? !one.superseded : token === String(one.token);
    });
    if (loss) return 'lost';
    if (hold) return 'staleToken';
    return this.holds(resource).length > 0 ? 'notOwner' : 'notLocked';
  }

  left(hold: ModelHold): number {
    return hold.end === undefined ? (hold.ttl ?? 0) : Math.max(0, hold.end - this.now);
  }

  /** The lease runs for at least so long. */
  lengthen(hold: ModelHold, seconds: number): void {
    if (hold.end !== undefined) hold.end = Math.max(hold.end, this.now + seconds);
  }

  whatBecameOf(resource: string, client: string, request: string | undefined): 'ended' | undefined {
    const isIt = (one: { resource: string; client: string; request?: string }) =>
      one.resource === resource && one.client === client && one.request === request;
    if (request === undefined) return undefined;
    return this.records.losses.some(isIt) || this.records.ended.some(isIt) ? 'ended' : undefined;
  }
}
