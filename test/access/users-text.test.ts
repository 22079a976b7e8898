import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import type { UserRecord } from '../../src/access/users.js';
import { formatUsers, parseUsers } from '../../src/access/users-text.js';

const HASH = hashOf('one');
const RECORDS: readonly UserRecord[] = [
  { user: { name: 'ci', role: 'client', allow: ['deploy/*', 'höst/*'], clients: ['*'] }, secretHash: HASH },
  { user: { name: 'ops', role: 'operator' }, secretHash: hashOf('two') },
  { user: { name: 'eve', role: 'viewer' }, secretHash: hashOf('three') },
];

test('what is written is read again', () => {
  expect(parseUsers(formatUsers(RECORDS))).toEqual(RECORDS);
  expect(parseUsers(formatUsers([]))).toEqual([]);
});

test('a person can read it', () => {
  expect(formatUsers(RECORDS.slice(1, 2))).toBe(`{
  "users": [
    {
      "name": "ops",
      "role": "operator",
      "secretSha256": "${hashOf('two')}"
    }
  ]
}
`);
});

const user = (more: object) =>
  JSON.stringify({ users: [{ name: 'ci', role: 'client', secretSha256: HASH, ...more }] });

describe('is refused', () => {
  test.each([
    ['', 'is not JSON'],
    ['[]', 'must be one JSON object, like {"users": []}'],
    ['null', 'must be one JSON object, like {"users": []}'],
    ['{}', "must have a list 'users'"],
    ['{"users": {}}', "must have a list 'users'"],
    ['{"users": [], "user": []}', "has an unknown key 'user'; known: users"],
    ['{"users": [], "__proto__": 1}', "has an unknown key '__proto__'; known: users"],
    ['{"users": ["ci"]}', 'must have objects as users; number 1 is none'],
    ['{"users": [null]}', 'must have objects as users; number 1 is none'],
    ['{"users": [{}]}', 'must give the name of user number 1'],
    [user({ name: 'a/b' }), 'has a wrong name of user number 1: it must be 1 to 64 letters'],
    [user({ role: 'admin' }), "must give user 'ci' a role: viewer, client, operator"],
    [user({ role: undefined }), "must give user 'ci' a role: viewer, client, operator"],
    [
      user({ roles: 1 }),
      "has an unknown key 'roles' of user 'ci'; known: name, role, allow, clients, secretSha256",
    ],
    [user({ __proto: 1 }), "has an unknown key '__proto' of user 'ci'"],
    [user({ secretSha256: 'abc' }), "must give user 'ci' a secretSha256 of 64 hexadecimal digits"],
    [user({ secretSha256: undefined }), "must give user 'ci' a secretSha256 of 64 hexadecimal digits"],
    [user({ allow: 'a' }), "must have a list of patterns as 'allow' of user 'ci'"],
    [user({ allow: [1] }), "must have a list of patterns as 'allow' of user 'ci'"],
    [user({ allow: [] }), "is wrong for user 'ci': allow must name at least one pattern, or be left out"],
    [user({ role: 'operator', clients: ['*'] }), "is wrong for user 'ci': clients is for the role client"],
    [formatUsers([...RECORDS, ...RECORDS.slice(0, 1)]), "has user 'ci' twice"],
    [
      formatUsers([...RECORDS, { user: { name: 'x', role: 'viewer' }, secretHash: HASH }]),
      "has the same secret for 'ci' and 'x'; add one of them anew",
    ],
  ])('%s', (text, problem) => {
    expect(() => parseUsers(text)).toThrow(problem);
  });

  test('and nothing of what stands there is repeated: it could be a secret', () => {
    const secret = '0123456789abcdef0123456789abcdef';
    const texts = [
      secret,
      `{"users": ${secret}`,
      `{"users": [{"name": "ci", secret: "${secret}"}]}`,
      `{"users": [{"name": "ci", "${secret}": "client"}]}`,
      `{"users": [], "${secret}": 1}`,
    ];
    for (const text of texts) {
      let message = '';
      try {
        parseUsers(text);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/^(is not JSON|has an unknown key)/);
      expect(message).not.toMatch(/0123|cdef/);
    }
  });
});
