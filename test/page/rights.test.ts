/** What the page offers is what the daemon would let pass. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { denial } from '../../src/access/permission.js';
import { ROLES } from '../../src/access/role.js';
import { rightsOf, type User } from '../../src/access/user.js';
import { decodeAnswer } from '../../src/page/decode-answer.js';
import { type Rights, readRights } from '../../src/page/rights.js';
import { writeResponse } from '../../src/xmlrpc/write.js';
import { elementsOf } from './elements.js';

/** As the page learns of it: through the answer of the daemon. */
function learned(rights: object): Rights {
  const answer = decodeAnswer(elementsOf(writeResponse(rights).replace(/^<\?xml[^>]*\?>\n/, '')));
  if ('fault' in answer) throw new Error(answer.fault.text);
  return readRights(answer.value);
}

const patterns = fc.option(
  fc.array(fc.constantFrom('*', 'deploy/*', 'deploy/prod', 'db*', '*/x', 'ci'), {
    minLength: 1,
    maxLength: 3,
  }),
  { nil: undefined },
);
const user: fc.Arbitrary<User> = fc
  .record({ role: fc.constantFrom(...ROLES), allow: patterns, clients: patterns })
  .map(({ role, allow, clients }) => ({
    name: 'ci',
    role,
    ...(role !== 'viewer' && allow && { allow }),
    ...(role === 'client' && clients && { clients }),
  }));
const resource = fc.constantFrom('deploy/prod', 'deploy/x', 'db', 'db/x', 'other');
const client = fc.constantFrom('ci', 'ci/web', 'ci-2', 'deploy/x', 'ops');

test('as the rules of access decide', () => {
  fc.assert(
    fc.property(user, resource, client, (one, on, as) => {
      const rights = learned(rightsOf(one));
      const may = (method: string, role: 'client' | 'operator', acting?: string) =>
        denial(one, { method, role, resource: on, client: acting }, () => []) === undefined;
      expect(rights.mayActAs(as, on)).toBe(may('lock', 'client', as));
      expect(rights.mayActAs(rights.clientByHand, on)).toBe(may('lock', 'client', 'ci/web'));
      expect(rights.mayLock(on)).toBe(may('lock', 'client'));
      expect(rights.mayForce(on)).toBe(may('forceUnlock', 'operator'));
      expect(rights.changes).toBe(one.role !== 'viewer');
    }),
  );
});

test('without users everybody may everything, as web', () => {
  const rights = learned({ role: 'operator' });
  expect(rights.mayActAs('anybody', 'anything')).toBe(true);
  expect(rights.mayForce('anything')).toBe(true);
  expect(rights.clientByHand).toBe('web');
  expect(rights.user).toBeUndefined();
});

test('a role of a newer daemon is not guessed at', () => {
  expect(() => learned({ role: 'god' })).toThrow(/unknown role/);
});

test('rights that changed are not the same', () => {
  const rights = { role: 'operator', user: 'ops', allow: ['deploy/*'] };
  expect(learned(rights).equals(learned({ ...rights }))).toBe(true);
  for (const other of [{ role: 'viewer' }, { user: 'eve' }, { allow: ['*'] }, { clients: ['x'] }]) {
    expect(learned(rights).equals(learned({ ...rights, ...other }))).toBe(false);
  }
});
