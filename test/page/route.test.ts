/** Addresses within the page lead back to where they came from, whatever names are in them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RESOURCE_STATES } from '../../src/core/answers.js';
import { hashOf, type Route, readRoute } from '../../src/page/route.js';

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .filter((text) => !/\p{Cs}/u.test(text));
const state = fc.constantFrom(...RESOURCE_STATES.filter((one) => one !== 'free'));

const route: fc.Arbitrary<Route> = fc.oneof(
  fc.record({ view: fc.constant('resource' as const), resource: name }),
  fc.record(
    {
      view: fc.constant('list' as const),
      filter: fc.record({ prefix: name, client: name, state }, { requiredKeys: [] }),
      after: name,
    },
    { requiredKeys: ['view', 'filter'] },
  ),
);

test('what was written is read again, through a browser that normalizes it', () => {
  fc.assert(
    fc.property(route, (given) => {
      const { hash } = new URL(hashOf(given), 'http://127.0.0.1:7420/');
      expect(readRoute(hash)).toEqual(given);
    }),
  );
});

describe('by hand', () => {
  test.each<[string, Route]>([
    ['', { view: 'list', filter: {} }],
    ['#/', { view: 'list', filter: {} }],
    ['#main', { view: 'list', filter: {} }],
    ['#/resource/', { view: 'list', filter: {} }],
    ['#/resource/deploy/prod', { view: 'resource', resource: 'deploy/prod' }],
    ['#/resource/100%', { view: 'resource', resource: '100%' }],
    ['#/resource/..%2F..%2Fetc', { view: 'resource', resource: '../../etc' }],
    ['#/?state=free', { view: 'list', filter: {} }],
    ['#/?state=nonsense&prefix=', { view: 'list', filter: {} }],
    ['#/?prefix=a%26b&state=held', { view: 'list', filter: { prefix: 'a&b', state: 'held' } }],
  ])('%s', (hash, expected) => {
    expect(readRoute(hash)).toEqual(expected);
  });
});
