/** The users file as somebody may have edited it: users, or a problem in words that quote no secret. */
import { createHash } from 'node:crypto';
import { formatUsers, parseUsers, UsersTextProblem } from '../../src/access/users-text.js';
import { oneOf, type Random } from '../random.js';
import { insertPiece, mutateBytes } from './byte-mutations.js';
import { type Json, mutateJson } from './json-mutations.js';
import { must, mustEqual, type Target } from './target.js';

/** Somebody may write it where the hash belongs, or as a key. */
const SECRET = 'lockd-s3cr3t-of-somebody';

const PIECES = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  '\ufeff',
  '\\u0000',
  '1e999',
  '// comment\n',
  SECRET,
];

function hash(random: Random): string {
  return createHash('sha256')
    .update(String(random(1_000)))
    .digest('hex');
}

function goodUsers(random: Random): Json {
  const user = (index: number): Json => ({
    name: `user-${index}`,
    role: oneOf(random, ['viewer', 'client', 'operator']),
    ...(random(2) === 0 ? { allow: ['deploy/*', 'a?', '**'].slice(random(3)) } : {}),
    ...(random(2) === 0 ? { clients: ['host-*'] } : {}),
    secretSha256: random(10) === 0 ? SECRET : hash(random),
  });
  return { users: Array.from({ length: random(4) }, (_, index) => user(index)) };
}

function make(random: Random): Buffer {
  const users = goodUsers(random);
  const bytes = Buffer.from(
    JSON.stringify(random(3) === 0 ? users : mutateJson(users, random), undefined, random(3)),
  );
  if (random(3) > 0) return bytes;
  return random(2) === 0 ? mutateBytes(bytes, random) : insertPiece(bytes, random, PIECES);
}

function check(input: Buffer): string {
  try {
    const records = parseUsers(input.toString('utf8'));
    const text = formatUsers(records);
    mustEqual(formatUsers(parseUsers(text)), text, 'users are read as they were written');
    return 'read';
  } catch (error) {
    if (!(error instanceof UsersTextProblem)) throw error;
    // Names are told; somebody who calls a user by a secret has told it first.
    const told = error.message.replace(/'[^']*'/g, (quoted) =>
      isName(input, quoted.slice(1, -1)) ? '' : quoted,
    );
    must(!told.includes(SECRET), `a problem quotes no secret: ${error.message}`);
    must(/^(?:must|is|has) /.test(error.message), `a problem completes a sentence: ${error.message}`);
    return 'refused';
  }
}

function isName(input: Buffer, quoted: string): boolean {
  return new RegExp(`"name":\\s*${JSON.stringify(quoted).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).test(
    input.toString(),
  );
}

export const usersTarget: Target = { name: 'users', patienceMs: 200, make, check };
