/** The whole method table, as every role, under own and foreign names, on allowed and other resources. */
import { describe, expect, test } from 'vitest';
import type { User } from '../../src/access/user.js';
import type { Method } from '../../src/xmlrpc/method.js';
import { METHODS } from '../../src/xmlrpc/methods.js';
import { callOf, structOf } from './documents.js';
import { answerTo, fakeService } from './fake-service.js';

const USERS = {
  viewer: { name: 'me', role: 'viewer' },
  client: { name: 'me', role: 'client', allow: ['deploy/*'] },
  'client of all names': { name: 'me', role: 'client', allow: ['deploy/*'], clients: ['*'] },
  operator: { name: 'me', role: 'operator', allow: ['deploy/*'] },
} as const satisfies Readonly<Record<string, User>>;

type Who = keyof typeof USERS;

const CHANGING = ['lock', 'unlock', 'renew', 'extend', 'update', 'enqueue', 'wait', 'cancel'];
const OPERATING = ['forceUnlock', 'confirmFenced'];

/** What the README promises, written down once more. */
function mayCall(who: Who, method: string, client: string, resource: string): boolean {
  const isAllowed = resource.startsWith('deploy/');
  const isOwn = client === 'me' || client.startsWith('me/');
  if (OPERATING.includes(method)) return who === 'operator' && isAllowed;
  if (!CHANGING.includes(method)) return true;
  return isAllowed && (who === 'operator' || who === 'client of all names' || (who === 'client' && isOwn));
}

/** A call of any method, as its row describes it. */
function anyCall({ name, parameters, options = {} }: Method, client: string, resource: string): string {
  const values: Readonly<Record<string, string>> = {
    ...{ resource, client, token: '17', seconds: '<int>5</int>', method: 'lock' },
    calls: '<array><data/></array>',
  };
  const given = Object.keys(parameters).map((parameter) => values[parameter] ?? '');
  const required = Object.entries(options).filter(([, option]) => option.required);
  const struct = structOf(Object.fromEntries(required.map(([option]) => [option, 'because'])));
  return callOf(name, ...given, ...(required.length > 0 ? [struct] : []));
}

const CASES = Object.keys(USERS).flatMap((who) =>
  ['me', 'me/1', 'you', 'me2'].flatMap((client) =>
    ['deploy/x', 'db/x'].map((resource) => [who as Who, client, resource] as const),
  ),
);

describe.each([...METHODS.values()].map((method) => [method.name, method] as const))('%s', (name, method) => {
  test.each(CASES)('%s as %s on %s', async (who, client, resource) => {
    const service = fakeService();
    const denied: string[] = [];
    const context = { from: 'x', user: USERS[who], onDenied: (text: string) => denied.push(text) };
    const answer = await answerTo(anyCall(method, client, resource), service, context);
    if (mayCall(who, name, client, resource)) {
      expect(answer).toHaveProperty('value');
      expect(denied).toEqual([]);
    } else {
      expect(answer).toMatchObject({ fault: { code: 13, text: expect.stringMatching(/^User 'me' \(/) } });
      expect(service.asked).toEqual([]);
      expect(denied).toEqual(['fault' in answer && answer.fault.text]);
    }
    const open = await answerTo(anyCall(method, client, resource), fakeService());
    expect(open).toHaveProperty('value');
  });
});

const asClient = (body: string, service = fakeService()) =>
  answerTo(body, service, { from: 'x', user: USERS.client });

test('a method above the role is refused with those that it may call', async () => {
  expect(await asClient(callOf('forceUnlock', 'deploy/x', structOf({ reason: 'gone' })))).toEqual({
    fault: {
      code: 13,
      text:
        "User 'me' (client) may not forceUnlock 'deploy/x', which takes the role operator; it may: lock, unlock, renew, " +
        'extend, update, enqueue, wait, cancel, check, status, list, history, stats',
    },
  });
});

test('an option above the role is, and without it the call is done', async () => {
  expect(await asClient(callOf('update', 'deploy/x', 'me', structOf({ newClient: 'me/2' })))).toEqual({
    fault: {
      code: 13,
      text: "User 'me' (client) may not update 'deploy/x' with newClient, which takes the role operator; it may: update without newClient",
    },
  });
  expect(await asClient(callOf('update', 'deploy/x', 'me', structOf({ note: 'x' })))).toEqual({
    value: true,
  });
  const operator = { from: 'x', user: USERS.operator };
  const handOver = callOf('update', 'deploy/x', 'you', structOf({ newClient: 'they' }));
  expect(await answerTo(handOver, fakeService(), operator)).toEqual({ value: true });
  const elsewhere = callOf('update', 'db/x', 'you', structOf({ newClient: 'they' }));
  expect(await answerTo(elsewhere, fakeService(), operator)).toMatchObject({ fault: { code: 13 } });
});

test('each call of a system.multicall is looked at by itself', async () => {
  const call = (method: string, ...params: string[]) =>
    `<value><struct><member><name>methodName</name><value>${method}</value></member><member><name>params</name><value><array><data>${params
      .map((param) => `<value>${param}</value>`)
      .join('')}</data></array></value></member></struct></value>`;
  const calls = [
    call('lock', 'deploy/x', 'me'),
    call('lock', 'db/x', 'me'),
    call('lock', 'deploy/x', 'you'),
    call('status', 'db/x'),
  ];
  const service = fakeService();
  const answer = await asClient(
    callOf('system.multicall', `<array><data>${calls.join('')}</data></array>`),
    service,
  );
  const refusal = (text: string) =>
    new Map<string, unknown>([
      ['faultCode', 13],
      ['faultString', text],
    ]);
  expect(answer).toEqual({
    value: [
      [true],
      refusal("User 'me' (client) may not lock 'db/x'; it may: deploy/*"),
      refusal("User 'me' (client) may not lock 'deploy/x' as 'you'; it may as: me, me/*"),
      [true],
    ],
  });
  expect(service.asked.map(([method, resource, client]) => [method, resource, client])).toEqual([
    ['lock', 'deploy/x', 'me'],
    ['status', 'db/x', undefined],
  ]);
});

test.each([
  [
    'resource',
    callOf('lock', 'x'.repeat(5_000), 'me'),
    /^lock: parameter 'resource' must have 1 to 512 bytes/,
  ],
  ['resource', callOf('lock', 'a\u202eb', 'me'), /^lock: parameter 'resource' must be printable/],
  ['client', callOf('lock', 'deploy/x', 'a\u202eb'), /^lock: parameter 'client' must be printable/],
])('a %s that is no name is not repeated in a refusal', async (_name, body, text) => {
  const service = fakeService();
  expect(await asClient(body, service)).toMatchObject({
    fault: { code: -32_602, text: expect.stringMatching(text) },
  });
  expect(service.asked).toEqual([]);
});
