/** What a user may do. One pure function: a user and a call in, nothing or the refusal out. */
import { matches } from '../core/patterns.js';
import type { Refused } from '../core/refusals.js';
import { includesRole, type Role } from './role.js';
import { ownNames, type User } from './user.js';

/** A call, as far as it matters who makes it. */
export interface Deed {
  readonly method: string;
  /** The least role that it takes. */
  readonly role: Role;
  /** The option for which it takes that role, where it is not the method itself. */
  readonly option?: string | undefined;
  /** Absent where the call names none. */
  readonly resource?: string | undefined;
  /** Who acts; absent where nobody does, as with what only looks. */
  readonly client?: string | undefined;
}

/**
 * Why `user` may not do that, or undefined where it may. Whoever signed in may read everything; whoever changes something
 * is bound to the resources of its patterns, and a client to its names.
 *
 * @param methodsOf the methods that a role may call, for the refusal.
 */
export function denial(
  user: User,
  deed: Deed,
  methodsOf: (role: Role) => readonly string[],
): Refused | undefined {
  const { method, option, resource, client } = deed;
  const refuse = (why: {
    may: readonly string[];
    takes?: Role;
    option?: string;
    client?: string;
  }): Refused => {
    const about = resource === undefined ? {} : { resource };
    return { refusal: 'denied', details: { user: user.name, role: user.role, method, ...about, ...why } };
  };
  if (!includesRole(user.role, deed.role)) {
    const takes = deed.role;
    if (option !== undefined) return refuse({ takes, option, may: [`${method} without ${option}`] });
    return refuse({ takes, may: methodsOf(user.role) });
  }
  if (deed.role === 'viewer') return undefined;
  if (client !== undefined && !mayActAs(user, client)) {
    return refuse({ client, may: [...ownNames(user), ...(user.clients ?? [])] });
  }
  if (user.allow && !(resource !== undefined && matchesAny(user.allow, resource))) {
    return refuse({ may: user.allow });
  }
  return undefined;
}

/** A user's own names begin with its name and a slash, so that `ci` does not speak for `ci-2`. */
function mayActAs(user: User, client: string): boolean {
  if (user.role === 'operator') return true;
  const { name, clients } = user;
  if (client === name || (client.startsWith(name) && client[name.length] === '/')) return true;
  return clients !== undefined && matchesAny(clients, client);
}

function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matches(pattern, text));
}
