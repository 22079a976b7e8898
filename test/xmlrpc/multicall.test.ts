import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/core/refusals.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import { BAD_PARAMETERS, INTERNAL_ERROR, NO_SUCH_METHOD } from '../../src/xmlrpc/faults.js';
import { bytes, callOf, structOf } from './documents.js';
import { answerTo, fakeService, valueOfAnswer } from './fake-service.js';

const arrayOf = (...values: string[]) =>
  `<array><data>${values.map((value) => `<value>${value}</value>`).join('')}</data></array>`;
const single = (methodName: string, ...params: string[]) =>
  structOf({ methodName, params: arrayOf(...params) });
const multicallOf = (...calls: string[]) => callOf('system.multicall', arrayOf(...calls));
const fault = (faultCode: number, faultString: unknown) =>
  new Map<string, unknown>(Object.entries({ faultCode, faultString }));

test('each call has its own answer, in the order of the calls', async () => {
  const service = fakeService((method, resource) => {
    if (resource === 'taken') throw new Refusal({ refusal: 'held', details: { holders: ['A'] } });
    if (resource === 'broken') throw new TypeError('secret');
    return method === 'status' ? { resource } : true;
  });
  const answers = await valueOfAnswer(
    multicallOf(
      single('lock', 'r', 'c'),
      single('lock', 'taken', 'c'),
      single('lock', 'r'),
      single('nothing'),
      single('status', 'broken'),
      single('status', 'r'),
    ),
    service,
  );
  expect(answers).toEqual([
    [true],
    fault(1, "Resource already locked by 'A'"),
    fault(BAD_PARAMETERS, expect.stringMatching(/^lock: expects/)),
    fault(NO_SUCH_METHOD, expect.stringMatching(/^No method 'nothing'/)),
    fault(INTERNAL_ERROR, 'Internal error; the log of the daemon has more'),
    [new Map([['resource', 'r']])],
  ]);
});

test('all calls reach the service before the first is answered', async () => {
  const service = fakeService();
  const answer = handleCall(
    bytes(multicallOf(single('unlock', 'r', 'a'), single('lock', 'r', 'b'), single('status', 'r'))),
    undefined,
    service,
    { from: 'x' },
  );
  expect(service.asked.map(([method]) => method)).toEqual(['unlock', 'lock', 'status']);
  await answer;
});

test('the service learns of each call that it is one of several', async () => {
  const service = fakeService();
  const peer = { isGone: false, onGone: () => () => {} };
  const context = { from: '192.0.2.1:1000', received: 12.5, peer };
  await answerTo(
    multicallOf(single('lock', 'r', 'c', structOf({ wait: '<int>5</int>' })), single('unlock', 'r', 'c')),
    service,
    context,
  );
  expect(service.asked).toEqual([
    ['lock', 'r', 'c', { wait: 5 }],
    ['unlock', 'r', 'c', {}],
  ]);
  expect(service.contexts).toEqual([
    { ...context, inSequence: true },
    { ...context, inSequence: true },
  ]);
  expect(context).not.toHaveProperty('inSequence');
});

test('defects within are told to the daemon', async () => {
  const told: unknown[] = [];
  const defect = new TypeError('secret');
  const service = fakeService(() => {
    throw defect;
  });
  const onInternalError = (error: unknown, method: string) => told.push([method, error]);
  await answerTo(multicallOf(single('status', 'r')), service, { from: 'x', onInternalError });
  expect(told).toEqual([['status', defect]]);
});

test('no calls, no answers', async () => {
  expect(await valueOfAnswer(multicallOf())).toEqual([]);
});

test('as many calls as allowed, and one more', async () => {
  const calls = (count: number) => Array.from({ length: count }, () => single('status', 'r'));
  const service = fakeService();
  expect(await valueOfAnswer(multicallOf(...calls(64)), service)).toHaveLength(64);
  expect(service.asked).toHaveLength(64);
  expect(await answerTo(multicallOf(...calls(65)), service)).toMatchObject({
    fault: { code: BAD_PARAMETERS },
  });
  expect(service.asked).toHaveLength(64);
});

describe('none is executed', () => {
  const good = single('lock', 'r', 'c');
  test.each([
    ['of a thousand', Array.from({ length: 200 }, () => single('stats')), /at most 64 calls, not 200/],
    [
      'with another system.multicall in it',
      [good, single('system.multicall', arrayOf())],
      /in itself \(call 2\)/,
    ],
    ['with a call that is no struct', [good, 'lock'], /call 2/],
    ['with a call without a name', [good, structOf({ params: arrayOf() })], /call 2/],
    ['with a call without params', [good, structOf({ methodName: 'stats' })], /call 2/],
    [
      'with params that are no array',
      [good, structOf({ methodName: 'stats', params: '<struct/>' })],
      /call 2/,
    ],
    [
      'with more in a call',
      [good, structOf({ methodName: 'stats', params: arrayOf(), wait: '1' })],
      /call 2/,
    ],
  ])('%s', async (_name, calls, text) => {
    const service = fakeService();
    expect(await answerTo(multicallOf(...calls), service)).toEqual({
      fault: { code: BAD_PARAMETERS, text: expect.stringMatching(text) },
    });
    expect(service.asked).toEqual([]);
  });

  test('where the calls are no array', async () => {
    expect(await answerTo(callOf('system.multicall', '<struct/>'))).toEqual({
      fault: { code: BAD_PARAMETERS, text: "system.multicall: parameter 'calls' must be array, not struct" },
    });
  });
});
