/** What the user of the page may do, so that it offers nothing else. The daemon decides anyway. Pure. */
import { includesRole, isRole, type Role } from '../access/role.js';
import { Members, readArray, UnexpectedAnswer } from '../client/members.js';
import { matches } from '../core/patterns.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';

/** The client name under which locks are taken by hand. */
const BY_HAND = 'web';

export class Rights {
  constructor(
    readonly role: Role,
    /** Absent: the daemon has no users. */
    readonly user?: string,
    private readonly allow?: readonly string[],
    private readonly clients?: readonly string[],
  ) {}

  /** The name under which this user locks by hand, unless it types another one. */
  get clientByHand(): string {
    return this.user === undefined ? BY_HAND : `${this.user}/${BY_HAND}`;
  }

  /** Whether they are the same, so that nothing need be offered anew. */
  equals(other: Rights): boolean {
    return JSON.stringify(this) === JSON.stringify(other);
  }

  /** Whether it may change anything at all. */
  get changes(): boolean {
    return includesRole(this.role, 'client');
  }

  /** Whether it may lock, extend and unlock the resource, under some name. */
  mayLock(resource: string): boolean {
    return this.changes && this.#mayTouch(resource);
  }

  /** Whether it may do so under this name. */
  mayActAs(client: string, resource: string): boolean {
    return this.mayLock(resource) && (this.clients === undefined || matchesAny(this.clients, client));
  }

  /** Whether it may force, and vouch for somebody. */
  mayForce(resource: string): boolean {
    return includesRole(this.role, 'operator') && this.#mayTouch(resource);
  }

  #mayTouch(resource: string): boolean {
    return this.allow === undefined || matchesAny(this.allow, resource);
  }
}

function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matches(pattern, text));
}

/** The answer of `system.whoAmI`. Throws `UnexpectedAnswer`. */
export function readRights(value: XmlRpcValue): Rights {
  const members = new Members(value);
  const role = members.text('role');
  if (!isRole(role)) throw new UnexpectedAnswer(`has the unknown role '${role}'`);
  const list = (name: string) =>
    members.has(name) ? readArray(members.value(name), name, String) : undefined;
  return new Rights(role, members.optionalText('user'), list('allow'), list('clients'));
}
