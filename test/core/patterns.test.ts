import { expect, test } from 'vitest';
import { matches } from '../../src/core/patterns.js';

test.each([
  ['deploy/*', 'deploy/prod', true],
  ['deploy/*', 'deploy/', true],
  ['deploy/*', 'deploy/eu/prod', true],
  ['deploy/*', 'deploy', false],
  ['deploy/*', 'redeploy/x', false],
  ['*', '', true],
  ['*/prod', 'a/b/prod', true],
  ['*/prod', 'a/b/prods', false],
  ['a*b*a', 'aba', true],
  ['a*a', 'a', false],
  ['a.c', 'abc', false],
  ['deploy', 'deploy', true],
  ['deploy', 'Deploy', false],
])('%j and %j: %j', (pattern, text, isMatch) => {
  expect(matches(pattern, text)).toBe(isMatch);
});
