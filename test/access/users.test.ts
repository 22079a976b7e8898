import { describe, expect, test } from 'vitest';
import { hashOf, isHash, isSecretOf, newSecret } from '../../src/access/secret.js';
import { patternsProblem, type User, userNameProblem } from '../../src/access/user.js';
import { Users } from '../../src/access/users.js';

const CI: User = { name: 'ci', role: 'client' };
const OPS: User = { name: 'ops', role: 'operator' };

describe('secrets', () => {
  test('are 128 random bits in hexadecimal digits', () => {
    const secrets = Array.from({ length: 1_000 }, newSecret);
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(secrets).size).toBe(1_000);
    // Every one of the 128 bits is sometimes set and sometimes not.
    const ones = secrets.map((secret) => BigInt(`0x${secret}`));
    expect(ones.reduce((all, one) => all | one)).toBe(2n ** 128n - 1n);
    expect(ones.reduce((all, one) => all & one)).toBe(0n);
  });

  test('are kept as SHA-256', () => {
    expect(hashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(isHash(hashOf(newSecret()))).toBe(true);
    for (const text of ['', 'abc', hashOf('abc').toUpperCase(), `${hashOf('abc')}0`, `${hashOf('abc')}\n`]) {
      expect(isHash(text), text).toBe(false);
    }
  });

  test('belong to their hash, and to no other', () => {
    expect(isSecretOf('abc', hashOf('abc'))).toBe(true);
    expect(isSecretOf('abd', hashOf('abc'))).toBe(false);
    expect(isSecretOf('', hashOf('abc'))).toBe(false);
    expect(isSecretOf('abc', undefined)).toBe(false);
  });
});

describe('users', () => {
  const users = new Users([
    { user: CI, secretHash: hashOf('one') },
    { user: OPS, secretHash: hashOf('two') },
  ]);

  test.each([
    [{ name: 'ci', secret: 'one' }, CI],
    [{ name: 'ops', secret: 'two' }, OPS],
    [{ name: 'ci', secret: 'two' }, undefined],
    [{ name: 'ops', secret: 'one' }, undefined],
    [{ name: 'CI', secret: 'one' }, undefined],
    [{ name: '', secret: 'one' }, undefined],
    [{ name: 'constructor', secret: 'one' }, undefined],
    [{ secret: 'one' }, CI],
    [{ secret: 'two' }, OPS],
    [{ secret: '' }, undefined],
    [{ secret: hashOf('one') }, undefined],
  ])('%j', (credentials, user) => {
    expect(users.find(credentials)).toBe(user);
  });

  test('without any nobody comes in', () => {
    const nobody = new Users([]);
    expect(nobody.find({ name: 'ci', secret: 'one' })).toBeUndefined();
    expect(nobody.find({ secret: '' })).toBeUndefined();
  });

  test('a wrong name takes as long as a wrong secret', () => {
    const wrongName = { name: 'nobody', secret: 'one' };
    const wrongSecret = { name: 'ci', secret: 'wrong' };
    const rounds = 200;
    const lasts = { wrongName: [] as number[], wrongSecret: [] as number[] };
    // In turn, so that a busy machine slows both; of many rounds the fastest say what the work itself takes.
    for (let round = 0; round < rounds; round += 1) {
      lasts.wrongName.push(timeOf(() => users.find(wrongName)));
      lasts.wrongSecret.push(timeOf(() => users.find(wrongSecret)));
    }
    const [name, secret] = [Math.min(...lasts.wrongName), Math.min(...lasts.wrongSecret)];
    expect(Math.max(name, secret) / Math.min(name, secret)).toBeLessThan(1.5);
  });
});

/** Milliseconds of fifty tries. */
function timeOf(attempt: () => unknown): number {
  const begun = performance.now();
  for (let time = 0; time < 50; time += 1) attempt();
  return performance.now() - begun;
}

describe('names of users', () => {
  test.each(['a', '7', 'ci', 'web-01.example_com', 'A'.repeat(64)])('%j will do', (name) => {
    expect(userNameProblem(name)).toBeUndefined();
  });

  test.each([
    ...['', 'a b', 'a:b', 'a/b', 'a*', '*', '?', 'a@b', 'ä', 'а', '.a', 'a.', '-a', '_', 'a\n'],
    'A'.repeat(65),
  ])('%j will not', (name) => {
    expect(userNameProblem(name)).toMatch(/^must be 1 to 64 letters/);
  });
});

describe('patterns of users', () => {
  test.each<[Omit<User, 'name'>, string | undefined]>([
    [{ role: 'client' }, undefined],
    [{ role: 'client', allow: ['a/*'], clients: ['*'] }, undefined],
    [{ role: 'operator', allow: ['a/*'] }, undefined],
    [{ role: 'viewer', allow: ['*'] }, 'allow is for who changes something: a viewer reads everything'],
    [{ role: 'viewer', clients: ['*'] }, 'clients is for the role client: a viewer locks nothing'],
    [
      { role: 'operator', clients: ['*'] },
      'clients is for the role client: an operator may act under every name',
    ],
    [{ role: 'client', allow: [] }, 'allow must name at least one pattern, or be left out'],
    [{ role: 'client', clients: [] }, 'clients must name at least one pattern, or be left out'],
    [{ role: 'client', allow: ['a', ''] }, 'allow must have 1 to 512 bytes of UTF-8, not 0'],
    [{ role: 'client', allow: ['a\nb'] }, 'allow must be printable text, but has U+000A'],
    [{ role: 'client', clients: ['x'.repeat(257)] }, 'clients must have 1 to 256 bytes of UTF-8, not 257'],
  ])('%j: %s', (user, problem) => {
    expect(patternsProblem(user)).toBe(problem);
  });
});
