import { expect, test } from 'vitest';
import { NameGathering, SegmentNames } from '../../src/store/journal/segment-names.js';
import { hold, put } from './fixture.js';

function gathered(...names: [resource: string, client: string][]): NameGathering {
  const gathering = new NameGathering();
  gathering.add(names.map(([resource, client]) => put(hold(1, resource, client))));
  return gathering;
}

test('a segment that nothing is known of may speak of anything', () => {
  const names = new SegmentNames();
  expect(names.knows('s1')).toBe(false);
  expect(names.mayHave('s1', { resource: 'r' })).toBe(true);
});

test('what was gathered may be there, anything else is not; resources are no clients', () => {
  const names = new SegmentNames();
  names.remember('s1', gathered(['r1', 'alice'], ['r2', 'bob']));
  expect(names.knows('s1')).toBe(true);
  expect(names.mayHave('s1', {})).toBe(true);
  expect(names.mayHave('s1', { resource: 'r1' })).toBe(true);
  expect(names.mayHave('s1', { resource: 'r1', client: 'bob' })).toBe(true);
  expect(names.mayHave('s1', { resource: 'r1', client: 'carol' })).toBe(false);
  expect(names.mayHave('s1', { resource: 'alice' })).toBe(false);
  expect(names.mayHave('s1', { client: 'r1' })).toBe(false);
  names.forget('s1');
  names.forget('s1');
  expect(names.mayHave('s1', { client: 'r1' })).toBe(true);
});

test('in bounded room: those that nobody asked about for longest are forgotten', () => {
  const names = new SegmentNames(6);
  for (const segment of ['s1', 's2', 's3']) names.remember(segment, gathered([`r${segment}`, 'alice']));
  expect(names.mayHave('s1', { client: 'nobody' })).toBe(false);
  names.remember('s4', gathered(['r', 'alice']));
  expect(['s1', 's2', 's3', 's4'].map((segment) => names.knows(segment))).toEqual([true, false, true, true]);
  names.remember('s4', gathered(['r', 'alice']));
  expect(names.knows('s1')).toBe(true);
});

test('of a segment with too many names nothing is remembered', () => {
  const names = new SegmentNames();
  const gathering = new NameGathering();
  for (let first = 0; first < 263_000; first += 1_000) {
    const changes = Array.from({ length: 1_000 }, (_, n) => put(hold(1, `r${first + n}`, 'alice')));
    gathering.add(changes);
  }
  expect(gathering.isTooMuch).toBe(true);
  names.remember('s1', gathering);
  expect(names.knows('s1')).toBe(false);
  expect(names.mayHave('s1', { resource: 'nobody' })).toBe(true);
});
