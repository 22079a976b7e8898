import { expect, test } from 'vitest';
import { BadParameter, Refusal } from '../../src/core/refusals.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import { BAD_PARAMETERS, INTERNAL_ERROR, NOT_WELL_FORMED, NOT_XML_RPC } from '../../src/xmlrpc/faults.js';
import { bytes, callOf, structOf } from './documents.js';
import { answerTo, fakeService } from './fake-service.js';

const failing = (error: unknown) =>
  fakeService(() => {
    throw error;
  });

test('an answer', async () => {
  const hold = {
    resource: 'r',
    token: '17',
    acquired: new Date('2026-11-21T01:20:48Z'),
    waited: 0.25,
    note: undefined,
  };
  expect(
    await answerTo(
      callOf('lock', 'r', 'c'),
      fakeService(() => hold),
    ),
  ).toEqual({
    value: new Map<string, unknown>([
      ['resource', 'r'],
      ['token', '17'],
      ['acquired', hold.acquired],
      ['waited', 0.25],
    ]),
  });
});

test.each([
  ['a refusal', new Refusal({ refusal: 'notLocked', details: {} }), { code: 3, text: 'Resource not locked' }],
  [
    'a bad parameter',
    new BadParameter('client', 'must be longer'),
    { code: BAD_PARAMETERS, text: "unlock: parameter 'client' must be longer" },
  ],
])('%s of the service is a fault', async (_name, error, fault) => {
  expect(await answerTo(callOf('unlock', 'r', 'c'), failing(error))).toEqual({ fault });
});

test.each([
  ['no XML', 'hello', NOT_WELL_FORMED],
  ['no XML-RPC', '<html/>', NOT_XML_RPC],
])('%s is a fault', async (_name, body, code) => {
  expect(await answerTo(body)).toMatchObject({ fault: { code } });
});

test.each([
  ['an error of the service', failing(new TypeError('/secret/path: x is undefined'))],
  ['something thrown that is no error', failing('secret')],
  ['an answer that XML-RPC has no type for', fakeService(() => ({ secret: null }))],
])('%s shows nothing of the insides, and is told to the daemon', async (_name, service) => {
  const told: unknown[] = [];
  const onInternalError = (error: unknown, method: string) => told.push([method, error]);
  expect(await answerTo(callOf('status', 'r'), service, { from: 'x', onInternalError })).toEqual({
    fault: { code: INTERNAL_ERROR, text: 'Internal error; the log of the daemon has more' },
  });
  expect(told).toEqual([['status', expect.anything()]]);
});

test.each([
  ['on its own', callOf('lock', 'r', 'c')],
  [
    'in a system.multicall',
    callOf(
      'system.multicall',
      '<array><data><value><struct><member><name>methodName</name><value>stats</value></member><member><name>params</name><value><array><data/></array></value></member></struct></value></data></array>',
    ),
  ],
])('a call %s has no answer when the service has stopped', async (_name, body) => {
  const stopped = Object.assign(new Error('EIO'), { name: 'Stopped' });
  await expect(handleCall(bytes(body), undefined, failing(stopped), { from: 'x' })).rejects.toBe(stopped);
});

test('stats have the connections', async () => {
  const service = fakeService(() => ({ held: 3 }));
  expect(await answerTo(callOf('stats'), service, { from: 'x', connections: 7 })).toEqual({
    value: new Map([
      ['held', 3],
      ['connections', 7],
    ]),
  });
});

test('the service learns who calls, and since when', async () => {
  const calls = [
    callOf('lock', 'r', 'c'),
    callOf('enqueue', 'r', 'c'),
    callOf('wait', 'r', 'c', '<int>5</int>'),
    callOf('cancel', 'r', 'c'),
    callOf('unlock', 'r', 'c'),
    callOf('renew', 'r', 'c'),
    callOf('extend', 'r', 'c', '<int>5</int>'),
    callOf('update', 'r', 'c'),
    callOf('check', 'r', '17'),
    callOf('status', 'r'),
    callOf('forceUnlock', 'r', structOf({ reason: 'gone' })),
    callOf('confirmFenced', 'r', structOf({ reason: 'off' })),
  ];
  const service = fakeService();
  const peer = { isGone: false, onGone: () => () => {} };
  const context = { from: '192.0.2.1:1000', received: 12.5, peer };
  for (const call of calls) await answerTo(call, service, context);
  expect(service.contexts).toHaveLength(calls.length);
  for (const each of service.contexts) expect(each).toBe(context);
});
