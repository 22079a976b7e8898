/**
 * The ledger of clients that wait in lines, with leases and retry keys: what each asked and was answered, and what was found
 * after each restart; says where the two do not go together. A client wants one resource at a time, and every resource has
 * one holder at most. Times are milliseconds on the clock of the clients.
 */
import { type Breach, noBreaches } from './breaches.js';
import type { FoundHold } from './ledger.js';

/** What a client wants. */
export interface Ask {
  readonly resource: string;
  readonly client: string;
  /** Without one the client cannot come back to its place. */
  readonly request?: string;
  /** Seconds. */
  readonly ttl: number;
  /** The client never renews and never unlocks: its hold ends with its lease. Its name is used once. */
  readonly dies: boolean;
}

/** How far it has come. */
export interface Course extends Ask {
  /** `found`: the hold was there after a restart, but the client was never told. */
  state: 'asking' | 'found' | 'holding' | 'unlocking';
  /** When the present attempt was sent. */
  sent: number;
  /** The greatest token that was known on this resource when the client asked first. */
  readonly above: number;
  token?: number;
  /** The hold cannot have ended before by itself; infinite for who unlocks. */
  until: number;
}

/** What of an answer counts. `waited`: seconds from the reading of the call to the start of the lease. */
export interface Grant {
  readonly token: number;
  readonly waited: number;
}

export class LineLedger {
  /** What went wrong, one sentence each. */
  readonly problems: string[] = [];
  /** The same, counted by what was broken. */
  readonly breaches = noBreaches();
  grants = 0;
  unlocks = 0;
  /** Holds that were found after a restart without their client having been told. */
  untold = 0;
  /** Holds that ended with their lease. */
  ended = 0;
  readonly #courses = new Map<string, Course>();
  readonly #tokens = new Set<number>();
  readonly #greatest = new Map<string, number>();

  /** What a client was doing when it was last heard of. */
  course(client: string): Course | undefined {
    return this.#courses.get(client);
  }

  /** A first call is about to leave. */
  asks(ask: Ask, now: number): Course {
    const course: Course = {
      ...ask,
      state: 'asking',
      sent: now,
      above: this.#greatest.get(ask.resource) ?? 0,
      until: Number.POSITIVE_INFINITY,
    };
    this.#courses.set(ask.client, course);
    return course;
  }

  /** The same call is about to leave once more. */
  repeats(course: Course, now: number): void {
    course.sent = now;
  }

  granted(course: Course, { token, waited }: Grant, now: number): void {
    const leaseEnd = course.dies ? course.sent + (waited + course.ttl) * 1_000 : Number.POSITIVE_INFINITY;
    if (course.state === 'found') {
      if (course.token !== token)
        this.#problem('other', course, `was granted ${token} after ${course.token} was found`);
    } else {
      this.#newHold(course, token, now, leaseEnd <= now);
    }
    course.token = token;
    course.state = 'holding';
    course.until = leaseEnd;
    this.grants += 1;
  }

  /** A holder renewed, and was answered this token. */
  renewed(course: Course, token: number): void {
    if (course.token !== token)
      this.#problem('other', course, `renewed ${course.token} and was answered ${token}`);
  }

  unlocking(course: Course): void {
    course.state = 'unlocking';
  }

  unlocked(course: Course): void {
    this.unlocks += 1;
    this.#over(course);
  }

  refused(course: Course, text: string): void {
    // The answer was lost in a crash, and the lease ended before the client came back.
    if (course.dies && text.startsWith('fault 17: ')) this.ended += 1;
    else this.#problem('other', course, `${course.state}, was answered ${text}`);
    this.#over(course);
  }

  /** The daemon died and another one started, and these are the holds. */
  restarted(found: readonly FoundHold[], now: number): void {
    const resources = new Set<string>();
    for (const hold of found) {
      if (resources.has(hold.resource))
        this.problem('other', `${hold.resource} has two holders after the restart`);
      resources.add(hold.resource);
    }
    const byClient = new Map(found.map((hold) => [hold.client, hold]));
    for (const course of [...this.#courses.values()]) {
      const hold = byClient.get(course.client);
      if (hold?.resource === course.resource) byClient.delete(course.client);
      if (hold?.resource === course.resource) this.#found(course, hold.token, now);
      else this.#notFound(course, now);
    }
    for (const { client, resource, token } of byClient.values()) {
      this.problem(
        'resurrected',
        `${client} holds ${resource} by token ${token} after the restart, but does not want it`,
      );
    }
  }

  #found(course: Course, token: number, now: number): void {
    if (course.state === 'asking') {
      this.#newHold(course, token, now, false);
      course.token = token;
      course.state = 'found';
      if (course.dies) course.until = now;
      this.untold += 1;
    } else if (course.token !== token) {
      this.#problem('lost', course, `is found with token ${token}, not ${course.token}`);
    } else if (course.state === 'unlocking') {
      course.state = 'holding';
    }
  }

  #notFound(course: Course, now: number): void {
    if (course.state === 'asking') {
      // A place without a key went with its connection.
      if (course.request === undefined) this.#over(course);
      return;
    }
    if (course.until <= now) this.ended += 1;
    else if (course.state !== 'unlocking')
      this.#problem('lost', course, `lost token ${course.token}, which was acknowledged`);
    this.#over(course);
  }

  /** `isPast`: the lease may have ended before its client was told, and others may have had the resource since. */
  #newHold(course: Course, token: number, now: number, isPast: boolean): void {
    const greatest = this.#greatest.get(course.resource) ?? 0;
    const above = isPast ? course.above : greatest;
    if (this.#tokens.has(token)) this.#problem('reused', course, `got token ${token}, which was used before`);
    if (!(token > above)) this.#problem('reused', course, `got token ${token}, not above ${above}`);
    this.#tokens.add(token);
    this.#greatest.set(course.resource, Math.max(token, greatest));
    if (isPast) return;
    for (const other of this.#courses.values()) {
      const holds = (other.state === 'holding' || other.state === 'found') && other.until > now;
      if (other !== course && other.resource === course.resource && holds) {
        this.#problem(
          'other',
          course,
          `got token ${token} while ${other.client} holds it by token ${other.token}`,
        );
      }
    }
  }

  #over(course: Course): void {
    if (this.#courses.get(course.client) === course) this.#courses.delete(course.client);
  }

  /** Somebody found that a promise was broken. */
  problem(breach: Breach, text: string): void {
    this.problems.push(text);
    this.breaches[breach] += 1;
  }

  #problem(breach: Breach, { client, resource }: Course, text: string): void {
    this.problem(breach, `${client} on ${resource} ${text}`);
  }
}
