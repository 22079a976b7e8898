/** Each member of an answer has one type, whatever its value: clients in typed languages read it by that type. */
import { expect, test } from 'vitest';
import type { Enqueued, Fence, Hold, Place } from '../../src/core/answers.js';
import type { FileStatus, HistoryEvent, Stats } from '../../src/service/api.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import { bytes, callOf } from './documents.js';
import { fakeService } from './fake-service.js';

const TIME = new Date('2026-11-21T01:20:48Z');

/** `whole`: everything that is a number is a whole one. */
const hold = (whole: boolean): Hold => ({
  resource: 'r',
  client: 'c',
  token: '1795224048000000',
  limit: 1,
  state: 'held',
  acquired: TIME,
  renewed: TIME,
  from: '127.0.0.1:1',
  waited: whole ? 0 : 0.25,
  ttl: whole ? 30 : 0.1,
  expires: TIME,
  left: whole ? 30 : 29.999,
  note: 'why',
});
const place: Place = { client: 'd', position: 1, since: TIME, note: 'too' };
const fence: Fence = { client: 'c', token: '17', tries: 2, lastError: 'exit 1', nextTry: TIME };
const status = (whole: boolean): FileStatus => ({
  resource: 'r',
  state: 'fencing',
  limit: 1,
  held: 1,
  holders: [hold(whole)],
  waiting: 1,
  queue: [place],
  fence: [fence],
  file: '/locks/r.lock',
});
const stats = (few: boolean): Stats => ({
  version: '0.1.0',
  started: TIME,
  directory: '/locks',
  held: 1,
  waiting: 2,
  fencing: 0,
  grants: few ? 3 : 3_000_000_000,
  refusals: few ? 0 : 2 ** 31,
  lost: few ? 1 : 2 ** 40,
  journalBytes: few ? 4_096 : 5_000_000_000,
});
const queued: Enqueued = { state: 'queued', position: 3 };
const event: HistoryEvent = {
  id: '7-2',
  time: TIME,
  event: 'forced',
  resource: 'r',
  client: 'c',
  token: '17',
  by: 'ops',
  reason: 'gone',
};

/** The types of an answer: every scalar is replaced by the name of its element. */
async function typesOf(method: string, answer: unknown): Promise<string> {
  const service = fakeService(() => answer);
  const parameters: Readonly<Record<string, string[]>> = { stats: [], list: [], history: [], status: ['r'] };
  const body = callOf(method, ...(parameters[method] ?? ['r', 'c']));
  const xml = await handleCall(bytes(body), undefined, service, { from: 'x', connections: 1 });
  return xml.replace(/<(string|int|double|boolean|dateTime\.iso8601)>[^<]*<\/\1>/g, '$1');
}

/** The types of the members of structs, by name. */
function membersOf(types: string): Record<string, string> {
  return Object.fromEntries(
    [...types.matchAll(/<member><name>(\w+)<\/name><value>([\w.]+)<\/value>/g)].map((match) => [
      match[1],
      match[2],
    ]),
  );
}

test.each<[string, unknown, unknown]>([
  ['lock', hold(true), hold(false)],
  [
    'enqueue',
    { state: 'granted', position: 0, hold: hold(true) },
    { state: 'granted', position: 0, hold: hold(false) },
  ],
  ['status', status(true), status(false)],
  ['list', [status(true)], [status(false)]],
  ['stats', stats(true), stats(false)],
])('%s has the same types, whether its numbers are whole or small or not', async (method, one, other) => {
  const types = await typesOf(method, one);
  expect(types).toBe(await typesOf(method, other));
  expect(types).not.toMatch(/fault|nil|i8/);
});

test('a hold', async () => {
  expect(membersOf(await typesOf('lock', hold(true)))).toEqual({
    resource: 'string',
    client: 'string',
    token: 'string',
    limit: 'int',
    state: 'string',
    acquired: 'dateTime.iso8601',
    renewed: 'dateTime.iso8601',
    from: 'string',
    waited: 'double',
    ttl: 'double',
    expires: 'dateTime.iso8601',
    left: 'double',
    note: 'string',
  });
});

test('a status', async () => {
  expect(membersOf(await typesOf('status', { ...status(true), holders: [] }))).toEqual({
    resource: 'string',
    state: 'string',
    limit: 'int',
    held: 'int',
    waiting: 'int',
    client: 'string',
    position: 'int',
    since: 'dateTime.iso8601',
    note: 'string',
    token: 'string',
    tries: 'int',
    lastError: 'string',
    nextTry: 'dateTime.iso8601',
    file: 'string',
  });
});

test('a place in the line', async () => {
  expect(membersOf(await typesOf('enqueue', queued))).toEqual({ state: 'string', position: 'int' });
});

test('an event', async () => {
  expect(membersOf(await typesOf('history', [event]))).toEqual({
    id: 'string',
    time: 'dateTime.iso8601',
    event: 'string',
    resource: 'string',
    client: 'string',
    token: 'string',
    by: 'string',
    reason: 'string',
  });
});

test('stats', async () => {
  expect(membersOf(await typesOf('stats', stats(true)))).toEqual({
    version: 'string',
    started: 'dateTime.iso8601',
    directory: 'string',
    held: 'int',
    waiting: 'int',
    fencing: 'int',
    grants: 'double',
    refusals: 'double',
    lost: 'double',
    journalBytes: 'double',
    connections: 'int',
  });
});

test('what is absent is left out', async () => {
  const { ttl: _ttl, expires: _expires, left: _left, note: _note, ...without } = hold(true);
  const undefinedToo = { ...without, ttl: undefined, expires: undefined, left: undefined, note: undefined };
  expect(await typesOf('lock', undefinedToo)).toBe(await typesOf('lock', without));
  expect(membersOf(await typesOf('lock', undefinedToo))).not.toHaveProperty('ttl');
});
