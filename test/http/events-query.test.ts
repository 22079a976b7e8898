import { expect, test } from 'vitest';
import { readEventsQuery } from '../../src/http/events-query.js';

const read = (query: string, header?: string) => readEventsQuery(new URLSearchParams(query), header);

test.each<[string, string | undefined, object]>([
  ['', undefined, {}],
  ['prefix=a%2F', undefined, { prefix: 'a/' }],
  ['prefix=', undefined, { prefix: '' }],
  ['resource=r&client=c', undefined, { resource: 'r', client: 'c' }],
  ['from=a&to=b+c', undefined, { from: 'a', to: 'b c' }],
  ['resource=%E2%80%AE%3Cscript%3E', undefined, { resource: '\u202e<script>' }],
  ['include=renewed', undefined, { include: ['renewed'] }],
  ['include=queued,renewed', undefined, { include: ['queued', 'renewed'] }],
  ['include=', undefined, {}],
  ['include=,', undefined, { include: ['', ''] }],
  ['', '7.1', { after: '7.1' }],
  ['lastEventId=7.1', undefined, { after: '7.1' }],
  ['lastEventId=7.1', '8.0', { after: '8.0' }],
  ['lastEventId=7.1', '', { after: '7.1' }],
  ['lastEventId=', '', {}],
])('?%s with %j', (query, header, expected) => {
  expect(read(query, header)).toEqual(expected);
});

test.each([
  [
    'resourse=r',
    "There is no parameter 'resourse'; /events takes prefix, resource, from, to, client, include, lastEventId",
  ],
  ['=x', "There is no parameter ''"],
  ['after=1.0', "There is no parameter 'after'"],
  ['__proto__=x', "There is no parameter '__proto__'"],
  ['prefix=a&prefix=b', "Give 'prefix' once"],
  ['include=renewed&include=queued', "Give 'include' once"],
  [`${'x'.repeat(100)}=1`, `There is no parameter '${'x'.repeat(40)}';`],
])('?%s is refused', (query, text) => {
  expect(read(query)).toMatchObject({ name: 'badQuery', detail: expect.stringContaining(text) });
});
