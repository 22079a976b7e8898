/** Who may come in, and what is known of each. Pure: problems are answered as phrases, to be completed by the place. */
import { clientProblem, resourceProblem } from '../core/names.js';
import type { Role } from './role.js';

/** A user, without the secret. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** Patterns of the resources that the user may change something of; absent: all. Not for viewers. */
  readonly allow?: readonly string[];
  /** Patterns of the client names that it may use beside its own; for clients only. */
  readonly clients?: readonly string[];
}

/**
 * What stands in a URL, in a header of HTTP Basic (where a colon ends the name), before the slash of a client name, in a
 * log and in a shell as it is; ASCII, so that no two names look the same.
 */
const USER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** What is wrong with `name` as the name of a user, as a phrase that begins with `must`. */
export function userNameProblem(name: string): string | undefined {
  if (USER_NAME.test(name)) return undefined;
  return 'must be 1 to 64 letters (A to Z), digits, dots, hyphens or underscores, with a letter or digit first and last';
}

/** The names under which a user may always act, as patterns: they stand in refusals, too. */
export function ownNames({ name }: Pick<User, 'name'>): readonly string[] {
  return [name, `${name}/*`];
}

/** What is wrong with the patterns of a user, as a phrase that begins with the name of the setting. */
export function patternsProblem({ role, allow, clients }: Omit<User, 'name'>): string | undefined {
  if (allow && role === 'viewer') return `allow is for who changes something: a ${role} reads everything`;
  if (clients && role !== 'client') {
    const why = role === 'viewer' ? 'locks nothing' : 'may act under every name';
    return `clients is for the role client: ${role === 'operator' ? 'an' : 'a'} ${role} ${why}`;
  }
  return listProblem('allow', allow, resourceProblem) ?? listProblem('clients', clients, clientProblem);
}

/** What a user is and may, as it is told to the user itself; patterns that bind nobody are left out. */
export interface Rights {
  readonly user: string;
  readonly role: Role;
  /** Patterns of the resources that it may change something of; absent: all. */
  readonly allow?: readonly string[];
  /** Patterns of all client names that it may use, its own included; absent: any, or for a viewer none. */
  readonly clients?: readonly string[];
}

export function rightsOf(user: User): Rights {
  const { name, role, allow, clients = [] } = user;
  return {
    user: name,
    role,
    ...(allow && { allow }),
    ...(role === 'client' && { clients: [...ownNames(user), ...clients] }),
  };
}

/** A pattern that could match no name is a slip, so that the rules for names hold for patterns. */
function listProblem(
  setting: string,
  patterns: readonly string[] | undefined,
  problemOf: (text: string) => string | undefined,
): string | undefined {
  if (patterns?.length === 0) return `${setting} must name at least one pattern, or be left out`;
  for (const pattern of patterns ?? []) {
    const problem = problemOf(pattern);
    if (problem !== undefined) return `${setting} ${problem}`;
  }
  return undefined;
}
