import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resourceProblem } from '../../src/core/names.js';
import { isLockFileName, lockFileName, resourceOfLockFile } from '../../src/lock-files/names.js';

const NAMES: readonly (readonly [resource: string, name: string])[] = [
  ['resource1', 'resource1.lock'],
  ['deploy/prod', 'deploy%2Fprod.lock'],
  ['host.example.org', 'host.example.org.lock'],
  ['.', '%2E.lock'],
  ['..', '%2E..lock'],
  ['../../etc/x', '%2E.%2F..%2Fetc%2Fx.lock'],
  ['.hidden', '%2Ehidden.lock'],
  ['.lockd', '%2Elockd.lock'],
  ['', '.lock'],
  ['a b', 'a%20b.lock'],
  ['100%', '100%25.lock'],
  ['%2F', '%252F.lock'],
  ['~', '%7E.lock'],
  ['A-Z_a.z', 'A-Z_a.z.lock'],
  ['-rf', '-rf.lock'],
  ['*?', '%2A%3F.lock'],
  ['é', '%C3%A9.lock'],
  ['e\u0301', 'e%CC%81.lock'],
  ['\u{1f512}', '%F0%9F%94%92.lock'],
  ['\ufffd', '%EF%BF%BD.lock'],
  ['x.lock', 'x.lock.lock'],
  ['x.resource', 'x%2Eresource.lock'],
  ['x.resource.lock', 'x.resource.lock.lock'],
  ['.resource', '%2Eresource.lock'],
  ['resource', 'resource.lock'],
  ['é.resource', '%C3%A9%2Eresource.lock'],
  ['x.Resource', 'x.Resource.lock'],
  ['x.resource.resource', 'x.resource%2Eresource.lock'],
];

const LONG = 'a'.repeat(251);

const resource = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('.', '/', '%', '2', 'E', 'F', '~', 'a', 'é', '.resource', '.lock') }),
    fc.string({ unit: fc.constantFrom('a', '/', '\u{1f512}'), minLength: 80, maxLength: 512 }),
  )
  .filter((text) => resourceProblem(text) === undefined);

describe('the name of a lock file', () => {
  test.each(NAMES)('of %j is %s', (text, name) => {
    expect(lockFileName(text)).toBe(name);
    expect(resourceOfLockFile(name)).toBe(text);
    expect(isLockFileName(name)).toBe(true);
  });

  test('leads back to its resource, unless it is cut', () => {
    fc.assert(
      fc.property(resource, (text) => {
        const name = lockFileName(text);
        expect(resourceOfLockFile(name)).toBe(name.includes('~') ? undefined : text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('stays in the directory, and fits into it', () => {
    fc.assert(
      fc.property(resource, (text) => {
        const name = lockFileName(text);
        expect(name).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9_.%~-]*\.lock$/);
        expect(name).not.toMatch(/\.resource\.lock$/);
        expect(name.length).toBeLessThanOrEqual(255);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is no other resource’s', () => {
    fc.assert(
      fc.property(resource, resource, (a, b) => {
        expect(lockFileName(a) === lockFileName(b)).toBe(a === b);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a name that is too long', () => {
  test('is cut from the first byte on that does not fit', () => {
    expect(lockFileName(LONG.slice(1))).toBe(`${LONG.slice(1)}.lock`);
    expect(lockFileName(LONG.slice(1))).toHaveLength(255);
    expect(lockFileName(LONG)).toMatch(/^a{160}~[0-9a-f]{64}\.lock$/);
    expect(resourceOfLockFile(lockFileName(LONG))).toBeUndefined();
  });

  test('differs by its hash where only the end differs', () => {
    expect(lockFileName(`${LONG}x`)).not.toBe(lockFileName(`${LONG}y`));
  });

  test.each([0, 1, 2])('is not cut in the middle of a byte (%i)', (shift) => {
    const name = lockFileName('a'.repeat(shift) + '/'.repeat(300));
    expect(name).toMatch(/^a*(%2F)+~[0-9a-f]{64}\.lock$/);
  });

  test.each([246, 247, 248, 249])('counts the longer ending of %i bytes and .resource', (length) => {
    const name = lockFileName(`${'a'.repeat(length - 9)}.resource`);
    expect(name.endsWith('%2Eresource.lock')).toBe(length + 2 + 5 <= 255);
  });
});

describe('a name of somebody else’s making', () => {
  test.each([
    ['host.resource.lock', 'host'],
    ['deploy%2Fprod.resource.lock', 'deploy/prod'],
    ['a b.resource.lock', 'a b'],
    ['.resource.lock', ''],
    ['x.resource.resource.lock', 'x.resource'],
    ['a b.lock', 'a b'],
    ['a%20b.lock', 'a b'],
    ['deploy%2fprod.lock', 'deploy%2fprod'],
    ['%41.lock', '%41'],
    ['100%.lock', '100%'],
    ['%.lock', '%'],
    ['%zz.lock', '%zz'],
    ['%FF.lock', '%FF'],
    ['%C3.lock', '%C3'],
    ['%ED%A0%80.lock', '%ED%A0%80'],
    ['%2E%2E.lock', '%2E%2E'],
    ['.hidden.lock', '.hidden'],
    ['é.lock', 'é'],
    ['x~y.lock', 'x~y'],
    [`x~${'0'.repeat(63)}.lock`, `x~${'0'.repeat(63)}`],
    [`x~${'0'.repeat(64)}.resource.lock`, `x~${'0'.repeat(64)}`],
    [`x~${'0'.repeat(64)}.lock`, undefined],
  ])('%s stands for %j', (name, text) => expect(resourceOfLockFile(name)).toBe(text));

  test.each(['host', 'host.lock.bak', 'host.lock~', '.host.lock.swp', 'lock', '.lockd', 'host.LOCK'])(
    '%s is no lock file',
    (name) => expect(isLockFileName(name)).toBe(false),
  );
});
