import { describe, expect, test } from 'vitest';
import { BAD_PARAMETERS, NO_SUCH_METHOD } from '../../src/xmlrpc/faults.js';
import { callOf, structOf } from './documents.js';
import { answerTo, fakeService } from './fake-service.js';

const options = (name: string, value: string) => structOf({ [name]: value });

describe('what the service is asked', () => {
  test.each<[string, string[], unknown[]]>([
    ['lock', ['r', 'c'], ['lock', 'r', 'c', {}]],
    ['lock', ['r', 'c', '<struct/>'], ['lock', 'r', 'c', {}]],
    [
      'lock',
      ['r', 'c', structOf({ note: 'why', limit: '<i4>3</i4>' })],
      ['lock', 'r', 'c', { limit: 3, note: 'why' }],
    ],
    ['unlock', ['r', 'c'], ['unlock', 'r', 'c', {}]],
    ['unlock', ['r', 'c', options('token', '0017')], ['unlock', 'r', 'c', { token: '0017' }]],
    ['unlock', ['r', 'c', options('token', '<int>17</int>')], ['unlock', 'r', 'c', { token: '17' }]],
    [
      'unlock',
      ['r', 'c', options('token', '<i8>9007199254740993</i8>')],
      ['unlock', 'r', 'c', { token: '9007199254740993' }],
    ],
    [
      'lock',
      [
        'r',
        'c',
        structOf({
          ttl: '<int>30</int>',
          wait: '<double>2.5</double>',
          limit: '<int>2</int>',
          note: 'why',
          request: 'k1',
          claim: '<int>60</int>',
        }),
      ],
      ['lock', 'r', 'c', { ttl: 30, wait: 2.5, limit: 2, note: 'why', request: 'k1', claim: 60 }],
    ],
    ['enqueue', ['r', 'c'], ['enqueue', 'r', 'c', {}]],
    [
      'enqueue',
      [
        'r',
        'c',
        structOf({
          ttl: '<double>0.5</double>',
          limit: '<int>2</int>',
          note: '',
          request: 'k1',
          claim: '<int>0</int>',
        }),
      ],
      ['enqueue', 'r', 'c', { ttl: 0.5, limit: 2, note: '', request: 'k1', claim: 0 }],
    ],
    ['wait', ['r', 'c', '<int>25</int>'], ['wait', 'r', 'c', 25, {}]],
    ['wait', ['r', 'c', '<double>0.25</double>'], ['wait', 'r', 'c', 0.25, {}]],
    ['wait', ['r', 'c', '<double>25.0</double>'], ['wait', 'r', 'c', 25, {}]],
    ['wait', ['r', 'c', '<int>0</int>', options('request', 'k1')], ['wait', 'r', 'c', 0, { request: 'k1' }]],
    // No number is too large to be seconds: the range is the service's to refuse.
    ['wait', ['r', 'c', '<double>1e300</double>'], ['wait', 'r', 'c', 1e300, {}]],
    ['wait', ['r', 'c', '<i8>9223372036854775807</i8>'], ['wait', 'r', 'c', 2 ** 63, {}]],
    ['cancel', ['r', 'c'], ['cancel', 'r', 'c']],
    ['renew', ['r', 'c'], ['renew', 'r', 'c', {}]],
    [
      'renew',
      ['r', 'c', structOf({ ttl: '<int>60</int>', token: '17' })],
      ['renew', 'r', 'c', { ttl: 60, token: '17' }],
    ],
    ['extend', ['r', 'c', '<int>60</int>'], ['extend', 'r', 'c', 60, {}]],
    [
      'extend',
      ['r', 'c', '<double>1.5</double>', options('token', '<int>17</int>')],
      ['extend', 'r', 'c', 1.5, { token: '17' }],
    ],
    ['update', ['r', 'c'], ['update', 'r', 'c', {}]],
    [
      'update',
      ['r', 'c', structOf({ note: '', ttl: '<int>0</int>', newClient: 'd', token: '17' })],
      ['update', 'r', 'c', { note: '', ttl: 0, newClient: 'd', token: '17' }],
    ],
    ['check', ['r', '0017'], ['check', 'r', '0017']],
    ['check', ['r', '<int>17</int>'], ['check', 'r', '17']],
    ['status', ['r'], ['status', 'r']],
    ['history', [], ['history', {}]],
    [
      'history',
      [structOf({ resource: 'r', client: 'c', count: '<int>5</int>', before: '7-2' })],
      ['history', { resource: 'r', client: 'c', count: 5, before: '7-2' }],
    ],
    ['list', [], ['list', {}]],
    [
      'list',
      [structOf({ prefix: 'a', client: 'c', state: 'held', count: '<int>5</int>', after: 'b' })],
      ['list', { prefix: 'a', client: 'c', state: 'held', count: 5, after: 'b' }],
    ],
    ['forceUnlock', ['r', options('reason', 'gone')], ['forceUnlock', 'r', { reason: 'gone' }]],
    [
      'forceUnlock',
      ['r', structOf({ reason: 'gone', client: 'c' })],
      ['forceUnlock', 'r', { reason: 'gone', client: 'c' }],
    ],
    [
      'forceUnlock',
      ['r', structOf({ reason: 'gone', client: 'c', token: '<int>17</int>' })],
      ['forceUnlock', 'r', { reason: 'gone', client: 'c', token: '17' }],
    ],
    [
      'forceUnlock',
      ['r', structOf({ reason: 'gone', fenced: '<boolean>1</boolean>' })],
      ['forceUnlock', 'r', { reason: 'gone', fenced: true }],
    ],
    [
      'forceUnlock',
      ['r', structOf({ reason: 'gone', fenced: '<boolean>0</boolean>' })],
      ['forceUnlock', 'r', { reason: 'gone', fenced: false }],
    ],
    ['confirmFenced', ['r', options('reason', 'off')], ['confirmFenced', 'r', { reason: 'off' }]],
    [
      'confirmFenced',
      ['r', structOf({ reason: 'off', token: '17' })],
      ['confirmFenced', 'r', { reason: 'off', token: '17' }],
    ],
    ['stats', [], ['stats']],
  ])('%s(%s)', async (method, values, asked) => {
    const service = fakeService(() => ({}));
    await answerTo(callOf(method, ...values), service);
    expect(service.asked).toEqual([asked]);
  });
});

describe('bad parameters: the fault names method and parameter, and the service is not asked', () => {
  const lockOptions = 'wait, ttl, limit, note, request, claim';
  const states = 'free, held, reserved, delayed, fencing, unreadable';
  const seconds = 'must be int or double, 0 or more, not';
  const token = "unlock: parameter 'token' must be string of decimal digits, or int, not";
  test.each<[string, string[], string]>([
    ['lock', [], 'lock: expects 2 or 3 parameters, lock(resource, client, options), not 0'],
    ['lock', ['r'], 'lock: expects 2 or 3 parameters, lock(resource, client, options), not 1'],
    [
      'lock',
      ['r', 'c', '<struct/>', 'x'],
      'lock: expects 2 or 3 parameters, lock(resource, client, options), not 4',
    ],
    ['status', [], 'status: expects 1 parameter, status(resource), not 0'],
    ['stats', ['x'], 'stats: expects 0 parameters, stats(), not 1'],
    ['list', ['<struct/>', 'x'], 'list: expects 0 or 1 parameter, list(options), not 2'],
    ['forceUnlock', ['r'], 'forceUnlock: expects 2 parameters, forceUnlock(resource, options), not 1'],
    ['forceUnlock', ['r', '<struct/>'], "forceUnlock: parameter 'options' must have the member 'reason'"],
    ['lock', ['r', '<int>5</int>'], "lock: parameter 'client' must be string, not int"],
    ['lock', ['<int>2147483648</int>', 'c'], "lock: parameter 'resource' must be string, not i8"],
    ['lock', ['<double>0.5</double>', 'c'], "lock: parameter 'resource' must be string, not double"],
    ['lock', ['<boolean>1</boolean>', 'c'], "lock: parameter 'resource' must be string, not boolean"],
    ['lock', ['<nil/>', 'c'], "lock: parameter 'resource' must be string, not nil"],
    ['lock', ['<base64>YQ==</base64>', 'c'], "lock: parameter 'resource' must be string, not base64"],
    [
      'lock',
      ['<dateTime.iso8601>20261121T01:20:48</dateTime.iso8601>', 'c'],
      "lock: parameter 'resource' must be string, not dateTime.iso8601",
    ],
    ['lock', ['<array><data/></array>', 'c'], "lock: parameter 'resource' must be string, not array"],
    ['lock', ['r', 'c', 'x'], "lock: parameter 'options' must be struct, not string"],
    ['lock', ['r', 'c', '<nil/>'], "lock: parameter 'options' must be struct, not nil"],
    ['lock', ['r', 'c', options('limit', '3')], "lock: parameter 'limit' must be int, not string"],
    [
      'lock',
      ['r', 'c', options('limit', '<int>2147483648</int>')],
      "lock: parameter 'limit' must be int, not i8",
    ],
    [
      'lock',
      ['r', 'c', options('limit', '<double>1.5</double>')],
      "lock: parameter 'limit' must be int, not double",
    ],
    ['lock', ['r', 'c', options('note', '<struct/>')], "lock: parameter 'note' must be string, not struct"],
    ['lock', ['r', 'c', options('tll', '<int>5</int>')], `lock: unknown option 'tll'; known: ${lockOptions}`],
    [
      'enqueue',
      ['r', 'c', options('wait', '<int>5</int>')],
      "enqueue: unknown option 'wait'; known: ttl, limit, note, request, claim",
    ],
    ['cancel', ['r', 'c', '<struct/>'], 'cancel: expects 2 parameters, cancel(resource, client), not 3'],
    ['wait', ['r', 'c'], 'wait: expects 3 or 4 parameters, wait(resource, client, seconds, options), not 2'],
    [
      'extend',
      ['r', 'c'],
      'extend: expects 3 or 4 parameters, extend(resource, client, seconds, options), not 2',
    ],
    ['check', ['r'], 'check: expects 2 parameters, check(resource, token), not 1'],
    ['check', ['r', ''], "check: parameter 'token' must be string of decimal digits, or int, not ''"],
    [
      'confirmFenced',
      ['r', options('token', '17')],
      "confirmFenced: parameter 'options' must have the member 'reason'",
    ],
    ['lock', ['r', 'c', options('ttl', '5')], `lock: parameter 'ttl' ${seconds} string`],
    ['lock', ['r', 'c', options('ttl', '<int>-5</int>')], `lock: parameter 'ttl' ${seconds} -5`],
    ['lock', ['r', 'c', options('wait', '<double>-0.5</double>')], `lock: parameter 'wait' ${seconds} -0.5`],
    [
      'lock',
      ['r', 'c', options('claim', '<boolean>1</boolean>')],
      `lock: parameter 'claim' ${seconds} boolean`,
    ],
    ['lock', ['r', 'c', options('wait', '<nil/>')], `lock: parameter 'wait' ${seconds} nil`],
    [
      'wait',
      ['r', 'c', '<i8>-9007199254740993</i8>'],
      `wait: parameter 'seconds' ${seconds} -9007199254740993`,
    ],
    ['wait', ['r', 'c', '<struct/>'], `wait: parameter 'seconds' ${seconds} struct`],
    ['extend', ['r', 'c', 'ten'], `extend: parameter 'seconds' ${seconds} string`],
    [
      'forceUnlock',
      ['r', structOf({ reason: 'gone', fenced: '<int>1</int>' })],
      "forceUnlock: parameter 'fenced' must be boolean, not int",
    ],
    [
      'forceUnlock',
      ['r', structOf({ reason: 'gone', fenced: 'true' })],
      "forceUnlock: parameter 'fenced' must be boolean, not string",
    ],
    ['unlock', ['r', 'c', options('limit', '<int>1</int>')], "unlock: unknown option 'limit'; known: token"],
    [
      'lock',
      ['r', 'c', options('__proto__', 'x')],
      `lock: unknown option '__proto__'; known: ${lockOptions}`,
    ],
    ['lock', ['r', 'c', options('toString', 'x')], `lock: unknown option 'toString'; known: ${lockOptions}`],
    ['lock', ['r', 'c', options('\n', 'x')], `lock: unknown option '\\u{a}'; known: ${lockOptions}`],
    ['unlock', ['r', 'c', options('token', '12a')], `${token} '12a'`],
    ['unlock', ['r', 'c', options('token', '')], `${token} ''`],
    ['unlock', ['r', 'c', options('token', '<int>-1</int>')], `${token} '-1'`],
    ['unlock', ['r', 'c', options('token', '<double>1.5</double>')], `${token} double`],
    ['list', [options('state', 'busy')], `list: parameter 'state' must be one of ${states}, not 'busy'`],
    [
      'list',
      [options('state', 'toString')],
      `list: parameter 'state' must be one of ${states}, not 'toString'`,
    ],
    ['list', [options('state', '<int>1</int>')], `list: parameter 'state' must be one of ${states}, not int`],
  ])('%s(%s)', async (method, values, text) => {
    const service = fakeService();
    expect(await answerTo(callOf(method, ...values), service)).toEqual({
      fault: { code: BAD_PARAMETERS, text },
    });
    expect(service.asked).toEqual([]);
  });
});

test.each([
  '',
  'Lock',
  '__proto__',
  'constructor',
  'toString',
  'health',
  'system.shutdown',
  'x'.repeat(10_000),
])('no method %.30s', async (name) => {
  const service = fakeService();
  const shown = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  expect(await answerTo(callOf(name), service)).toEqual({
    fault: { code: NO_SUCH_METHOD, text: `No method '${shown}'; system.listMethods names them all` },
  });
  expect(service.asked).toEqual([]);
});
