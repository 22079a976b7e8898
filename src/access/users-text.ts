/**
 * The users file as text: JSON that a person can read and edit. What is not known is refused, because a slip in a rule
 * would else be no rule at all. Problems quote nothing that could be a secret: somebody may have written one into it.
 */
import { isRole, ROLES } from './role.js';
import { isHash } from './secret.js';
import { patternsProblem, type User, userNameProblem } from './user.js';
import type { UserRecord } from './users.js';

const FILE_KEYS = ['users'];
const USER_KEYS = ['name', 'role', 'allow', 'clients', 'secretSha256'];

/** A phrase that completes "The users file FILE ...". */
export class UsersTextProblem extends Error {
  override readonly name = 'UsersTextProblem';
}

/** The text of a file with these users. */
export function formatUsers(records: readonly UserRecord[]): string {
  const users = records.map(({ user, secretHash }) => ({ ...user, secretSha256: secretHash }));
  return `${JSON.stringify({ users }, null, 2)}\n`;
}

/** The users of a text. Throws `UsersTextProblem`. */
export function parseUsers(text: string): UserRecord[] {
  const file = objectOf(parseJson(text), 'must be one JSON object, like {"users": []}');
  checkKeys(file, FILE_KEYS, '');
  const { users } = file;
  if (!Array.isArray(users)) throw new UsersTextProblem("must have a list 'users'");
  const records = users.map(readUser);
  checkNoneTwice(records);
  return records;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message of Node quotes what it cannot read; only the place is ours to tell.
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length;
    throw new UsersTextProblem(`is not JSON${line === undefined ? '' : ` (line ${line})`}`);
  }
}

function readUser(given: unknown, index: number): UserRecord {
  const fields = objectOf(given, `must have objects as users; number ${index + 1} is none`);
  const { name, role, allow, clients, secretSha256: secretHash } = fields;
  const number = ` of user number ${index + 1}`;
  const problem = (phrase: string) => new UsersTextProblem(phrase);
  if (typeof name !== 'string') throw problem(`must give the name${number}`);
  const nameProblem = userNameProblem(name);
  if (nameProblem !== undefined) throw problem(`has a wrong name${number}: it ${nameProblem}`);
  checkKeys(fields, USER_KEYS, ` of user '${name}'`);
  if (!isRole(role)) throw problem(`must give user '${name}' a role: ${ROLES.join(', ')}`);
  if (typeof secretHash !== 'string' || !isHash(secretHash)) {
    throw problem(`must give user '${name}' a secretSha256 of 64 hexadecimal digits, as lockd user add does`);
  }
  const user: User = {
    name,
    role,
    ...(allow === undefined ? {} : { allow: patternsOf(allow, 'allow', name) }),
    ...(clients === undefined ? {} : { clients: patternsOf(clients, 'clients', name) }),
  };
  const wrong = patternsProblem(user);
  if (wrong !== undefined) throw problem(`is wrong for user '${name}': ${wrong}`);
  return { user, secretHash };
}

function patternsOf(given: unknown, key: string, name: string): readonly string[] {
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  throw new UsersTextProblem(`must have a list of patterns as '${key}' of user '${name}'`);
}

/** What a slip in a key looks like; a secret has digits. */
const WORD = /^[A-Za-z_]{1,32}$/;

function checkKeys(fields: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const quoted = WORD.test(unknown) ? ` '${unknown}'` : '';
  throw new UsersTextProblem(`has an unknown key${quoted}${where}; known: ${known.join(', ')}`);
}

function checkNoneTwice(records: readonly UserRecord[]): void {
  const seen = new Map<string, string>();
  for (const { user, secretHash } of records) {
    if (seen.has(user.name)) throw new UsersTextProblem(`has user '${user.name}' twice`);
    // Whom would a secret alone mean?
    const other = seen.get(secretHash);
    if (other !== undefined) {
      throw new UsersTextProblem(
        `has the same secret for '${other}' and '${user.name}'; add one of them anew`,
      );
    }
    seen.set(user.name, user.name).set(secretHash, user.name);
  }
}

function objectOf(given: unknown, phrase: string): Readonly<Record<string, unknown>> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return { ...given };
  throw new UsersTextProblem(phrase);
}
