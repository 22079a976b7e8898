/**
 * Who may come in: from the Authorization header of a request to a user, or to the problem that it is answered with. What
 * a user may do is decided per call, elsewhere.
 */
import { FailedTries } from '../access/failed-tries.js';
import type { User } from '../access/user.js';
import type { Users } from '../access/users.js';
import { type CallOff, type Clock, systemClock } from '../service/clock.js';
import { readAuthorization } from './credentials.js';
import type { Problem } from './problems.js';

/** Headers that are remembered, each with its user: far more than there are users who sign in at once. */
const MAX_REMEMBERED = 1_000;

/** Somebody who may not come in. */
export interface Rejection {
  readonly problem: Problem;
  /** Calls `tell` when it is time to say so, which may be at once. */
  after(tell: () => void): CallOff;
}

export class Access {
  #users: Users;
  /**
   * Whose a header is, for those that were right: clients send the same one with every call, and this is much less work
   * than a hash. Emptied with every new list of users.
   */
  readonly #remembered = new Map<string, User>();
  readonly #failed = new FailedTries();

  constructor(
    users: Users,
    private readonly clock: Pick<Clock, 'monotonic' | 'after'> = systemClock,
  ) {
    this.#users = users;
  }

  /** Puts other users into force, from the next request on. */
  replaceUsers(users: Users): void {
    this.#users = users;
    this.#remembered.clear();
  }

  /** Whether who was let in by this header would be let in now. */
  isStillIn(authorization: string): boolean {
    return this.#find(authorization) !== undefined;
  }

  /**
   * Who sends a request.
   *
   * @param authorization the header.
   * @param from the address, with its port.
   */
  signIn(authorization: string | undefined, from: string): User | Rejection {
    // Nothing was tried: many clients show what they have only when they are asked for it.
    if (authorization === undefined) return this.#rejection('noCredentials', 0);
    const user = this.#find(authorization);
    if (user) return user;
    const delay = this.#failed.failed(addressOf(from), this.clock.monotonic());
    return this.#rejection('wrongCredentials', delay);
  }

  #find(authorization: string): User | undefined {
    const known = this.#remembered.get(authorization);
    if (known) return known;
    const credentials = readAuthorization(authorization);
    const user = credentials && this.#users.find(credentials);
    if (!user) return undefined;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(authorization, user);
    return user;
  }

  #rejection(name: Problem['name'], delay: number): Rejection {
    const after = (tell: () => void): CallOff => {
      if (delay > 0) return this.clock.after(delay, tell);
      tell();
      return () => undefined;
    };
    return { problem: { name }, after };
  }
}

/** Without the port, which is another one for every try. */
function addressOf(from: string): string {
  return from.replace(/:\d+$/, '');
}
