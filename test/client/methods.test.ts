/** Every method of the client: what reaches the service, and what comes back, through real HTTP and XML-RPC. */
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import type { Enqueued, Hold } from '../../src/core/answers.js';
import { Refusal } from '../../src/core/refusals.js';
import type { FileStatus, HistoryEvent, LockService } from '../../src/service/api.js';
import { serviceBehindHttp } from '../cli/world.js';

const MOMENT = new Date('2026-11-21T08:15:00Z');

const HOLD: Hold = {
  resource: 'r',
  client: 'A',
  token: '1700000000000017',
  limit: 2,
  state: 'held',
  acquired: MOMENT,
  renewed: MOMENT,
  from: '127.0.0.1:1',
  waited: 1.5,
  ttl: 30,
  expires: MOMENT,
  left: 29.5,
  note: 'why',
};

const STATUS: FileStatus = {
  resource: 'r',
  state: 'fencing',
  limit: 2,
  held: 1,
  holders: [{ ...HOLD, state: 'fencing' }],
  waiting: 1,
  queue: [{ client: 'B', position: 1, since: MOMENT, note: 'hurry' }],
  file: '/locks/r.lock',
  fence: [{ client: 'A', token: '17', tries: 2, lastError: 'exit 1', nextTry: MOMENT }],
};

const EVENT: HistoryEvent = {
  id: '1-2',
  time: MOMENT,
  event: 'forced',
  resource: 'r',
  client: 'A',
  token: '17',
  by: 'ops',
  reason: 'gone',
};

type Asked = [method: string, ...parameters: unknown[]];

/** A client of a service that notes what it is asked and answers `answer`. */
async function clientOf(answer: unknown) {
  const asked: Asked[] = [];
  const ask =
    (method: string, withContext: boolean) =>
    async (...parameters: unknown[]): Promise<never> => {
      asked.push([method, ...(withContext ? parameters.slice(0, -1) : parameters)]);
      return (typeof answer === 'function' ? answer(...parameters) : answer) as never;
    };
  const changes = ['lock', 'enqueue', 'wait', 'cancel', 'unlock', 'renew', 'extend', 'update', 'check'];
  const methods = [...changes, 'forceUnlock', 'confirmFenced', 'status'];
  const service = Object.fromEntries([
    ...methods.map((method) => [method, ask(method, true)]),
    ['history', ask('history', false)],
    ['list', ask('list', false)],
  ]) as Partial<LockService>;
  const client = new LockdClient({ url: await serviceBehindHttp(service), client: 'A' });
  return { client, asked };
}

interface Case {
  readonly call: (client: LockdClient) => Promise<unknown>;
  readonly answer: unknown;
  readonly asked: Asked;
}

const KEY = expect.stringMatching(/^[0-9a-f-]{36}$/);
const QUEUED: Enqueued = { state: 'queued', position: 3 };

const CASES: Readonly<Record<string, Case>> = {
  lock: {
    call: (client) => client.lock('r', { ttl: 30, limit: 2, note: 'why', request: 'k', claim: 5 }),
    answer: HOLD,
    asked: ['lock', 'r', 'A', { ttl: 30, limit: 2, note: 'why', request: 'k', claim: 5 }],
  },
  'lock without a key gets one': {
    call: (client) => client.lock('r'),
    answer: HOLD,
    asked: ['lock', 'r', 'A', { request: KEY }],
  },
  'lock that waits': {
    call: (client) => client.lock('r', { wait: 2.5, request: 'k' }),
    answer: HOLD,
    asked: ['lock', 'r', 'A', { request: 'k', wait: expect.closeTo(2.5, 0) }],
  },
  enqueue: {
    call: (client) => client.enqueue('r', { request: 'k', claim: 60 }),
    answer: QUEUED,
    asked: ['enqueue', 'r', 'A', { request: 'k', claim: 60, ttl: 30 }],
  },
  'enqueue, granted': {
    call: (client) => client.enqueue('r'),
    answer: { state: 'granted', position: 0, hold: HOLD },
    asked: ['enqueue', 'r', 'A', { request: KEY, ttl: 30 }],
  },
  wait: {
    call: (client) => client.wait('r', 2, { request: 'k' }),
    answer: HOLD,
    asked: ['wait', 'r', 'A', 2, { request: 'k' }],
  },
  cancel: { call: (client) => client.cancel('r'), answer: true, asked: ['cancel', 'r', 'A'] },
  unlock: {
    call: (client) => client.unlock('r', { token: '17' }),
    answer: true,
    asked: ['unlock', 'r', 'A', { token: '17' }],
  },
  'a token that is no XML-RPC integer': {
    call: (client) => client.unlock('r', { token: 1_700_000_000_000_017 }),
    answer: true,
    asked: ['unlock', 'r', 'A', { token: '1700000000000017' }],
  },
  renew: {
    call: (client) => client.renew('r', { ttl: 0.5, token: 17 }),
    answer: HOLD,
    asked: ['renew', 'r', 'A', { ttl: 0.5, token: '17' }],
  },
  extend: {
    call: (client) => client.extend('r', 60, { token: '17' }),
    answer: HOLD,
    asked: ['extend', 'r', 'A', 60, { token: '17' }],
  },
  update: {
    call: (client) => client.update('r', { note: '', newClient: 'B', ttl: 9 }),
    answer: { ...HOLD, client: 'B' },
    asked: ['update', 'r', 'A', { note: '', newClient: 'B', ttl: 9 }],
  },
  check: { call: (client) => client.check('r', 17), answer: false, asked: ['check', 'r', '17'] },
  forceUnlock: {
    call: (client) => client.forceUnlock('r', { reason: 'gone', client: 'B', fenced: true }),
    answer: true,
    asked: ['forceUnlock', 'r', { reason: 'gone', client: 'B', fenced: true }],
  },
  confirmFenced: {
    call: (client) => client.confirmFenced('r', { reason: 'off', token: '17' }),
    answer: true,
    asked: ['confirmFenced', 'r', { reason: 'off', token: '17' }],
  },
  status: { call: (client) => client.status('r'), answer: STATUS, asked: ['status', 'r'] },
  'status of a free one': {
    call: (client) => client.status('r'),
    answer: { ...STATUS, state: 'free', held: 0, holders: [], waiting: 0, queue: [], fence: undefined },
    asked: ['status', 'r'],
  },
  list: {
    call: (client) => client.list({ state: 'reserved', client: 'B' }),
    answer: [STATUS],
    asked: ['list', { state: 'reserved', client: 'B' }],
  },
  history: {
    call: (client) => client.history({ resource: 'r', client: 'A', count: 2, before: '1-3' }),
    answer: [EVENT, { id: '1-1', time: MOMENT, event: 'queued', resource: 'r', client: 'A' }],
    asked: ['history', { resource: 'r', client: 'A', count: 2, before: '1-3' }],
  },
};

test.each(Object.entries(CASES))('%s', async (_, { call, answer, asked: expected }) => {
  const { client, asked } = await clientOf(answer);
  expect(await call(client)).toEqual(answer);
  expect(asked).toEqual([expected]);
});

test('history is read page by page, newest first, up to the number that is wanted', async () => {
  const event = (number: number) => ({ ...EVENT, id: String(number) });
  const { client, asked } = await clientOf(({ count, before = '2501' }: { count: number; before?: string }) =>
    Array.from({ length: Math.min(count, Number(before) - 1) }, (_, index) =>
      event(Number(before) - 1 - index),
    ),
  );
  const ids = async (count?: number) => {
    const found: number[] = [];
    for await (const { id } of client.historyAll(count === undefined ? {} : { count }))
      found.push(Number(id));
    return found;
  };
  expect(await ids()).toEqual(Array.from({ length: 2_500 }, (_, index) => 2_500 - index));
  expect(asked).toEqual([
    ['history', { count: 1_000 }],
    ['history', { count: 1_000, before: '1501' }],
    ['history', { count: 1_000, before: '501' }],
  ]);
  expect(await ids(1_001)).toHaveLength(1_001);
  expect(asked.at(-1)).toEqual(['history', { count: 1, before: '1501' }]);
});

describe('an answer that is none', () => {
  test.each<{ call: (client: LockdClient) => Promise<unknown>; answer: unknown; problem: string }>([
    { call: (client) => client.check('r', '1'), answer: 'yes', problem: 'is neither true nor false' },
    {
      call: (client) => client.enqueue('r'),
      answer: { state: 'granted', position: 0 },
      problem: 'is not a struct',
    },
    {
      call: (client) => client.enqueue('r'),
      answer: { state: 'lost', position: 0 },
      problem: "is neither 'granted' nor 'queued'",
    },
    {
      call: (client) => client.history(),
      answer: [{ id: '1' }],
      problem: "has no dateTime 'time'",
    },
    {
      call: (client) => client.status('r'),
      answer: { ...STATUS, queue: [{ client: 'B' }] },
      problem: "has no number 'position'",
    },
    {
      call: (client) => client.status('r'),
      answer: { ...STATUS, fence: true },
      problem: 'has no array as fence',
    },
    { call: (client) => client.renew('r'), answer: true, problem: 'is not a struct' },
  ])('$problem', async ({ call, answer, problem }) => {
    const { client } = await clientOf(answer);
    await expect(call(client)).rejects.toMatchObject({
      name: 'NotLockd',
      message: expect.stringContaining(`${problem}. Is it a lockd of another version?`),
    });
  });
});

test('what no daemon accepts is refused here, in its words', async () => {
  const client = new LockdClient({ url: 'http://127.0.0.1:1', client: 'A' });
  const text = 'a\u0007';
  const refusal = (message: string) => ({ name: 'RefusedCall', code: -32602, message });
  const shown = 'must be printable text, but has U+0007';
  await expect(client.lock('r', { request: text })).rejects.toMatchObject(
    refusal(`lock: parameter 'request' ${shown}`),
  );
  await expect(client.update('r', { newClient: text })).rejects.toMatchObject(
    refusal(`update: parameter 'newClient' ${shown}`),
  );
  await expect(client.confirmFenced('r', { reason: text })).rejects.toMatchObject(
    refusal(`confirmFenced: parameter 'reason' ${shown}`),
  );
  await expect(client.history({ resource: text })).rejects.toMatchObject(
    refusal(`history: parameter 'resource' ${shown}`),
  );
});

describe('a wait', () => {
  /** A service in which whoever asks stands in line for ever, and what it was asked. */
  function endlessLine() {
    const asked: string[] = [];
    let begun = () => {};
    const waiting = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const never = (method: string) => () => {
      asked.push(method);
      begun();
      return new Promise<never>(() => undefined);
    };
    const service: Partial<LockService> = {
      lock: never('lock'),
      enqueue: async () => {
        asked.push('enqueue');
        return QUEUED;
      },
      wait: (_resource, _client, seconds) => {
        if (seconds > 0) return never('wait')();
        asked.push('wait 0');
        const details = {
          resource: 'r',
          client: 'A',
          seconds: 0,
          holders: ['X'],
          state: 'held',
          position: 1,
        } as const;
        return Promise.reject(new Refusal({ refusal: 'timedOut', details }));
      },
      cancel: async () => {
        asked.push('cancel');
        return true;
      },
    };
    return { asked, service, waiting };
  }

  test.each([
    { wait: 20, calls: ['lock', 'wait 0', 'cancel'] },
    { wait: 26, calls: ['enqueue', 'wait', 'wait 0', 'cancel'] },
  ])('that is aborted leaves the line: $wait s', async ({ wait, calls }) => {
    const { asked, service, waiting } = endlessLine();
    const client = new LockdClient({ url: await serviceBehindHttp(service), client: 'A' });
    const abort = new AbortController();
    const locked = client.lock('r', { wait, signal: abort.signal });
    await waiting;
    abort.abort(new Error('enough'));
    await expect(locked).rejects.toThrow('enough');
    expect(asked).toEqual(calls);
    client.close();
  });

  test('that was aborted before it began asks for nothing', async () => {
    const { asked, service } = endlessLine();
    const client = new LockdClient({ url: await serviceBehindHttp(service), client: 'A' });
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(client.lock('r', { wait: 20, signal })).rejects.toThrow('too late');
    expect(asked).toEqual([]);
    client.close();
  });
});
