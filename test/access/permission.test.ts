/** Who may do what: one row is a user, a call, and why not. */
import { describe, expect, test } from 'vitest';
import { type Deed, denial } from '../../src/access/permission.js';
import type { Role } from '../../src/access/role.js';
import type { User } from '../../src/access/user.js';
import { Refusal } from '../../src/core/refusals.js';

const VIEWER: User = { name: 'eve', role: 'viewer' };
const CLIENT: User = { name: 'ci', role: 'client' };
const BOUND: User = { name: 'ci', role: 'client', allow: ['deploy/*', 'host/a'] };
const SHARED: User = { name: 'ci', role: 'client', clients: ['team/*', 'bob'] };
const OPERATOR: User = { name: 'ops', role: 'operator' };
const BOUND_OPERATOR: User = { name: 'ops', role: 'operator', allow: ['db/*'] };

const methodsOf = (role: Role) => [`what a ${role} may`];

function refusalOf(user: User, deed: Deed): string | undefined {
  const refused = denial(user, deed, methodsOf);
  return refused && `${new Refusal(refused).code} ${new Refusal(refused).message}`;
}

const status: Deed = { method: 'status', role: 'viewer', resource: 'db/x' };
const list: Deed = { method: 'list', role: 'viewer' };
const force: Deed = { method: 'forceUnlock', role: 'operator', resource: 'db/x', client: 'whoever' };
const lock = (resource: string, client: string): Deed => ({
  method: 'lock',
  role: 'client',
  resource,
  client,
});
const handOver: Deed = {
  ...{ method: 'update', role: 'operator', option: 'newClient' },
  ...{ resource: 'deploy/x', client: 'ci' },
};

describe('may', () => {
  test.each<[User, Deed]>([
    ...[VIEWER, CLIENT, BOUND, SHARED, OPERATOR, BOUND_OPERATOR].flatMap((user): [User, Deed][] => [
      [user, status],
      [user, list],
    ]),
    [CLIENT, lock('db/x', 'ci')],
    [CLIENT, lock('db/x', 'ci/')],
    [CLIENT, lock('db/x', 'ci/host:4-1')],
    [BOUND, lock('deploy/x', 'ci')],
    [BOUND, lock('host/a', 'ci/1')],
    [SHARED, lock('db/x', 'ci/1')],
    [SHARED, lock('db/x', 'team/a/b')],
    [SHARED, lock('db/x', 'bob')],
    [OPERATOR, lock('db/x', 'anybody')],
    [OPERATOR, force],
    [OPERATOR, handOver],
    [BOUND_OPERATOR, force],
    [BOUND_OPERATOR, lock('db/y', 'anybody')],
  ])('%j %j', (user, deed) => {
    expect(refusalOf(user, deed)).toBeUndefined();
  });
});

describe('may not', () => {
  test.each<[User, Deed, string]>([
    [
      VIEWER,
      lock('db/x', 'eve'),
      "User 'eve' (viewer) may not lock 'db/x', which takes the role client; it may: what a viewer may",
    ],
    [
      VIEWER,
      force,
      "User 'eve' (viewer) may not forceUnlock 'db/x', which takes the role operator; it may: what a viewer may",
    ],
    [
      CLIENT,
      force,
      "User 'ci' (client) may not forceUnlock 'db/x', which takes the role operator; it may: what a client may",
    ],
    [
      CLIENT,
      handOver,
      "User 'ci' (client) may not update 'deploy/x' with newClient, which takes the role operator; it may: update without newClient",
    ],
    [CLIENT, lock('db/x', 'bob'), "User 'ci' (client) may not lock 'db/x' as 'bob'; it may as: ci, ci/*"],
    [CLIENT, lock('db/x', 'ci2'), "User 'ci' (client) may not lock 'db/x' as 'ci2'; it may as: ci, ci/*"],
    [CLIENT, lock('db/x', 'ci2/1'), "User 'ci' (client) may not lock 'db/x' as 'ci2/1'; it may as: ci, ci/*"],
    [CLIENT, lock('db/x', 'CI'), "User 'ci' (client) may not lock 'db/x' as 'CI'; it may as: ci, ci/*"],
    [CLIENT, lock('db/x', 'c'), "User 'ci' (client) may not lock 'db/x' as 'c'; it may as: ci, ci/*"],
    [
      SHARED,
      lock('db/x', 'bobby'),
      "User 'ci' (client) may not lock 'db/x' as 'bobby'; it may as: ci, ci/*, team/*, bob",
    ],
    [BOUND, lock('db/x', 'ci'), "User 'ci' (client) may not lock 'db/x'; it may: deploy/*, host/a"],
    [BOUND, lock('host/ab', 'ci'), "User 'ci' (client) may not lock 'host/ab'; it may: deploy/*, host/a"],
    [
      BOUND_OPERATOR,
      { ...force, resource: 'host/x' },
      "User 'ops' (operator) may not forceUnlock 'host/x'; it may: db/*",
    ],
    // No rule for it: closed.
    [
      BOUND,
      { method: 'lockAll', role: 'client', client: 'ci' },
      "User 'ci' (client) may not lockAll; it may: deploy/*, host/a",
    ],
  ])('%j %j', (user, deed, text) => {
    expect(refusalOf(user, deed)).toBe(`13 ${text}`);
  });

  test('and is told 20 patterns at most', () => {
    const allow = Array.from({ length: 1_022 }, (_, index) => `p${index}/*`);
    expect(refusalOf({ ...BOUND, allow }, lock('x', 'ci'))).toMatch(/: p0\/\*, .*, p19\/\* and 1,002 more$/);
  });
});
