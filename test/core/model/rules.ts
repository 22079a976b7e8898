/** What the model makes of each command; its answers are short texts. */
import { DAY } from '../history.js';
import { type Aftermath, type ModelHold, type ModelPlace, ModelRecords, some } from './model.js';
import type { Ask } from './steps.js';

const DEFAULTS = { ttl: undefined, limit: 1, note: undefined, claim: 30 };

function differs(before: Ask | undefined, ask: Ask): boolean {
  const [was, is] = [
    { ...DEFAULTS, ...before },
    { ...DEFAULTS, ...ask },
  ];
  return was.ttl !== is.ttl || was.limit !== is.limit || was.note !== is.note || was.claim !== is.claim;
}

export class Model extends ModelRecords {
  ask(resource: string, client: string, ask: Ask, kind: 'lock' | 'enqueue', wait: number): string {
    const { request, limit = 1 } = ask;
    const [hold, place] = [this.hold(resource, client), this.place(resource, client)];
    if (request !== undefined && hold?.request === request) {
      if (differs(hold.asked, ask)) return 'requestReused';
      return hold.lost ? 'ended' : this.#again(hold, kind);
    }
    if (request !== undefined && place?.request === request) {
      if (differs(place.asked, ask)) return 'requestReused';
      return kind === 'lock' ? this.#waitOn(place, wait, false) : this.#askAgain(place);
    }
    const ended = this.whatBecameOf(resource, client, request);
    if (ended) return ended;
    const canWait = kind === 'enqueue' || wait > 0;
    if (hold && !hold.lost) return 'held';
    if (hold && !canWait) return 'fencing';
    if (place) return 'alreadyInLine';
    if ((this.limit(resource) ?? limit) !== limit) return 'limitMismatch';
    const others = this.line(resource).filter((other) => !this.hold(resource, other.client));
    if (!hold && this.holds(resource).length + others.length < limit) {
      const { ttl, note } = ask;
      const token = this.nextToken;
      const asked = request === undefined ? undefined : ask;
      const granted = this.grant(
        some<ModelHold>({ resource, client, token, limit, ttl, note, request, asked }),
      );
      return kind === 'lock' ? `token ${granted.token}` : `granted ${granted.token}`;
    }
    if (canWait) return this.#join(resource, client, ask, kind, wait);
    const isAnybody = this.holds(resource).some((other) => !other.lost) || this.next(resource).length > 0;
    return isAnybody ? 'held' : 'fencing';
  }

  #again(hold: ModelHold, kind: 'lock' | 'enqueue'): string {
    if (hold.ttl !== undefined) this.lengthen(hold, hold.ttl);
    return kind === 'lock' ? `token ${hold.token}` : `granted ${hold.token}`;
  }

  #askAgain(place: ModelPlace): string {
    if (this.next(place.resource).includes(place)) {
      if (place.call) this.tell(place, 'takenOver');
      return `granted ${this.grantPlace(place).token}`;
    }
    if (!place.call) place.away = this.now + place.claim;
    return `queued ${this.position(place)}`;
  }

  #join(resource: string, client: string, ask: Ask, kind: 'lock' | 'enqueue', wait: number): string {
    const { limit = 1, ttl, note, request } = ask;
    const claim = kind === 'enqueue' || request !== undefined ? (ask.claim ?? 30) : 0;
    const asked = request === undefined ? undefined : ask;
    const place = some<ModelPlace>({ resource, client, limit, claim, ttl, note, request, asked });
    this.records.places.push(place);
    if (kind === 'lock') return this.#waitOn(place, wait, false);
    place.away = this.now + claim;
    return `queued ${this.position(place)}`;
  }

  #waitOn(place: ModelPlace, seconds: number, comesBack: boolean): string {
    if (place.call) this.tell(place, 'takenOver');
    delete place.away;
    place.call = { until: this.now + seconds, comesBack };
    return 'waits';
  }

  wait(resource: string, client: string, seconds: number, request: string | undefined): string {
    const place = this.place(resource, client);
    if (place && (request === undefined || request === place.request)) {
      return this.#waitOn(place, seconds, true);
    }
    const hold = this.hold(resource, client);
    if (hold && !hold.lost && (request === undefined || request === hold.request)) {
      return this.#again(hold, 'lock');
    }
    return this.whatBecameOf(resource, client, request) ?? 'notQueued';
  }

  cancel(resource: string, client: string): string {
    const place = this.place(resource, client);
    if (!place) return 'notQueued';
    if (place.call) this.tell(place, 'notQueued');
    this.removePlace(place);
    return 'true';
  }

  /** The call on a place ends; its connection may be closed. */
  giveUp(resource: string, client: string, comesBack: boolean, isGone: boolean): string {
    const place = this.place(resource, client);
    if (!place?.call) return 'true';
    if (!isGone) this.tell(place, 'timedOut');
    delete place.call;
    if (comesBack && place.claim > 0) place.away = this.now + place.claim;
    else this.removePlace(place);
    return 'true';
  }

  leave(resource: string, client: string): string {
    const place = this.place(resource, client);
    if (place?.away !== undefined && place.away <= this.now) this.removePlace(place);
    return 'true';
  }

  unlock(resource: string, client: string, token: string | undefined): string {
    const hold = this.own(resource, client, token);
    if (typeof hold === 'string') return hold;
    const { request } = hold;
    if (request !== undefined) this.records.ended.push({ resource, client, request, time: this.now });
    this.removeHold(hold);
    return 'true';
  }

  withdraw(resource: string, client: string, claim: number): string {
    const hold = this.hold(resource, client);
    if (!hold || hold.lost) return 'true';
    this.removeHold(hold);
    if (claim === 0) return 'true';
    const { limit, ttl, note, request, asked } = hold;
    const away = this.now + claim;
    this.records.places.unshift(
      some<ModelPlace>({ resource, client, limit, claim, ttl, note, request, asked, away }),
    );
    return 'true';
  }

  renew(resource: string, client: string, token: string | undefined, ttl: number | undefined): string {
    const hold = this.own(resource, client, token);
    if (typeof hold === 'string') return hold;
    if (ttl !== undefined && ttl !== hold.ttl) return this.#changeTtl(hold, ttl);
    if (hold.ttl === undefined) return 'bad ttl';
    this.lengthen(hold, hold.ttl);
    if (this.left(hold) <= hold.ttl) delete hold.extended;
    return `token ${hold.token}`;
  }

  #changeTtl(hold: ModelHold, ttl: number): string {
    const { now } = this;
    this.lengthen(hold, ttl);
    hold.ttl = ttl;
    delete hold.extended;
    this.startWhenSaved(hold);
    this.whenSaved.push(() => {
      if (hold.end !== undefined) hold.end = now + ttl;
    });
    return `token ${hold.token}`;
  }

  extend(resource: string, client: string, token: string | undefined, seconds: number): string {
    const hold = this.own(resource, client, token);
    if (typeof hold === 'string') return hold;
    if (hold.ttl === undefined) return 'bad seconds';
    const left = this.left(hold) + seconds;
    if (hold.end !== undefined) hold.end += seconds;
    hold.extended = Math.max(0, left - hold.ttl);
    this.whenSaved.push(() => this.lengthen(hold, left));
    return `token ${hold.token}`;
  }

  update(
    resource: string,
    client: string,
    token: string | undefined,
    { ttl, note, newClient }: { ttl?: number; note?: string; newClient?: string },
  ): string {
    const hold = this.own(resource, client, token);
    if (typeof hold === 'string') return hold;
    if (newClient !== undefined) return this.#handOver(hold, newClient, ttl ?? hold.ttl, note ?? hold.note);
    if (note !== undefined) hold.note = note;
    if (hold.note === '') delete hold.note;
    if (ttl !== undefined && ttl !== hold.ttl) return this.#changeTtl(hold, ttl);
    return `token ${hold.token}`;
  }

  #handOver(hold: ModelHold, client: string, ttl: number | undefined, note: string | undefined): string {
    const { resource, limit } = hold;
    if (client === hold.client) return 'bad newClient';
    if (this.hold(resource, client)) return 'held';
    if (this.place(resource, client)) return 'alreadyInLine';
    this.lose(hold, 'none');
    const token = this.nextToken;
    const kept = note === '' ? undefined : note;
    return `token ${this.grant(some<ModelHold>({ resource, client, token, limit, ttl, note: kept })).token}`;
  }

  check(resource: string, token: string): string {
    return String(this.holds(resource).some((hold) => !hold.lost && String(hold.token) === token));
  }

  expire(resource: string, client: string, token: number, aftermath: Aftermath): string {
    const hold = this.hold(resource, client);
    const isOver = hold?.token === token && hold.end !== undefined && hold.end <= this.now;
    if (hold && isOver) this.lose(hold, aftermath);
    return 'true';
  }

  force(resource: string, client: string | undefined, aftermath: Aftermath, fenced: boolean): string {
    const holds = this.holds(resource);
    if (holds.length === 0) return 'notLocked';
    if (client === undefined && holds.length > 1) return 'bad client';
    const hold = client === undefined ? holds[0] : this.hold(resource, client);
    if (!hold) return 'bad client';
    if (!hold.lost) this.lose(hold, aftermath);
    else if (!fenced) return 'fencing';
    else this.removeHold(hold);
    return 'true';
  }

  fenced(resource: string, client: string, token: number): string {
    const hold = this.hold(resource, client);
    if (hold?.lost && hold.token === token) this.removeHold(hold);
    return 'true';
  }

  confirmFenced(resource: string, token: string | undefined): string {
    const lost = this.holds(resource).filter((hold) => hold.lost);
    const meant = lost.filter((hold) => token === undefined || String(hold.token) === token);
    if (meant.length > 1) return 'bad token';
    if (meant[0]) {
      this.removeHold(meant[0]);
      return 'true';
    }
    if (lost.length > 0) return 'bad token';
    return this.holds(resource).length === 0 ? 'notLocked' : 'bad resource';
  }

  adopt(resource: string, client: string, limit: number, own: number | undefined): string {
    if (this.holds(resource).length > 0) return 'false';
    const token = Math.max(this.nextToken, (own ?? 0) + 1);
    this.grant({ resource, client, token, limit: this.limit(resource) ?? limit });
    return 'true';
  }

  forget(): string {
    const { losses, ended } = this.records;
    const keptLosses = losses.filter((loss) => this.now - loss.time <= DAY || !this.isForgotten(loss));
    const keptEnded = ended.filter(({ time }) => this.now - time <= 60);
    this.records.losses = keptLosses;
    this.records.ended = keptEnded;
    return String(losses.length - keptLosses.length + ended.length - keptEnded.length);
  }

  /** What is on disk is left; leases and claim times start afresh. */
  restart(): void {
    this.records.places = this.records.places.filter((place) => place.claim > 0);
    for (const place of this.records.places) {
      delete place.call;
      place.away = this.now + place.claim;
    }
    for (const hold of this.records.holds) {
      if (hold.ttl !== undefined && !hold.lost) hold.end = this.now + hold.ttl + (hold.extended ?? 0);
    }
  }
}
