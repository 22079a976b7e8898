/** Who may come in over HTTP, byte by byte; time is moved by hand. */
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import type { User } from '../../src/access/user.js';
import { Users } from '../../src/access/users.js';
import { Access } from '../../src/http/access.js';
import { ManualClock } from '../service/manual-clock.js';
import { eventually, serve } from './fixture.js';
import { post, request } from './wire.js';

const CI: User = { name: 'ci', role: 'client' };
const OPS: User = { name: 'ops', role: 'operator' };

const usersOf = (secrets: Readonly<Record<string, User>>) =>
  new Users(Object.entries(secrets).map(([secret, user]) => ({ user, secretHash: hashOf(secret) })));

const USERS = usersOf({ one: CI, two: OPS });

const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;
const call = (...headers: string[]) => post('call', ['Content-Type: text/xml', ...headers]);
const WRONG = call(basic('ci:wrong'));
const RIGHT = call(basic('ci:one'));

async function guarded() {
  const clock = new ManualClock();
  const access = new Access(USERS, clock);
  const fixture = await serve({ access });
  const send = async (text: string, host?: string) => (await fixture.wire(host)).send(text).answer();
  return { ...fixture, clock, access, send };
}

describe('signing in', () => {
  test.each([
    ['by Basic', basic('ci:one'), CI],
    ['by Basic, as another', basic('ops:two'), OPS],
    ['by Bearer', 'Authorization: Bearer two', OPS],
  ])('%s', async (_name, header, user) => {
    const { send, calls } = await guarded();
    expect((await send(call(header))).status).toBe(200);
    expect(calls.map(({ context }) => context.user)).toEqual([user]);
  });

  test('the address stays the address', async () => {
    const { send, calls } = await guarded();
    await send(RIGHT);
    expect(calls[0]?.context.from).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('who comes is asked with each request of a connection', async () => {
    const { wire, calls } = await guarded();
    const peer = await wire();
    await peer.send(RIGHT).answer();
    await peer.send(call(basic('ops:two'))).answer();
    await peer.send(RIGHT).answer();
    expect(calls.map(({ context }) => context.user?.name)).toEqual(['ci', 'ops', 'ci']);
    expect((await peer.send(call()).answer()).status).toBe(401);
    await peer.closed;
    expect(calls).toHaveLength(3);
  });

  test('without users everybody comes in, and is nobody', async () => {
    const { wire, calls } = await serve();
    expect((await (await wire()).send(WRONG).answer()).status).toBe(200);
    expect(calls.map(({ context }) => context.user)).toEqual([undefined]);
  });
});

describe('401', () => {
  const MISSING =
    'Sign in with a user and its secret: by HTTP Basic, as with http://USER:SECRET@HOST, or with Authorization: Bearer SECRET\n';
  const UNKNOWN =
    'This user and its secret are not known here. Look for a slip, or ask for a new secret (lockd user add)\n';

  test.each([
    ['nothing', [], MISSING],
    ['a wrong secret', [basic('ci:two')], UNKNOWN],
    ['a wrong name', [basic('nobody:one')], UNKNOWN],
    ['an empty secret', [basic('ci:')], UNKNOWN],
    ['the hash instead of the secret', [`Authorization: Bearer ${hashOf('one')}`], UNKNOWN],
    ['a wrong token', ['Authorization: Bearer three'], UNKNOWN],
    ['another scheme', ['Authorization: Digest username="ci"'], UNKNOWN],
  ])('%s', async (_name, headers, text) => {
    const { wire, calls, events } = await guarded();
    const peer = await wire();
    const answer = await peer.send(call(...headers)).answer();
    expect(answer.status).toBe(401);
    expect(answer.body).toBe(text);
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="lockd", charset="UTF-8"');
    expect(answer.headers.get('connection')).toBe('close');
    await peer.closed;
    expect(calls).toEqual([]);
    expect(events).toEqual([
      { event: 'requestRefused', from: expect.any(String), status: 401, text: text.trimEnd() },
    ]);
  });

  test('before the body: a peer that has not sent it is answered', async () => {
    const { wire, calls } = await guarded();
    const head = ['Host: localhost', 'Content-Type: text/xml', 'Content-Length: 1000', basic('ci:no')];
    expect((await (await wire()).send(request('POST /', head)).answer()).status).toBe(401);
    expect(calls).toEqual([]);
  });

  test('instead of 100 Continue', async () => {
    const { wire } = await guarded();
    const head = [
      'Host: localhost',
      'Content-Type: text/xml',
      'Content-Length: 1000',
      'Expect: 100-continue',
    ];
    expect((await (await wire()).send(request('POST /', head)).answer()).status).toBe(401);
  });

  test('what was sent behind it is not done', async () => {
    const { wire, calls } = await guarded();
    const peer = await wire();
    peer.send(`${RIGHT}${WRONG}${RIGHT}`);
    expect((await peer.answer()).status).toBe(200);
    expect((await peer.answer()).status).toBe(401);
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(calls).toHaveLength(1);
  });

  test.each(['GET /healthz', 'GET /readyz', 'GET /lockd.py', 'GET /lockd.sh', 'HEAD /healthz'])(
    'not for %s',
    async (line) => {
      const { wire } = await guarded();
      expect((await (await wire()).send(request(line)).answer(line.startsWith('HEAD'))).status).toBe(200);
    },
  );
});

describe('whoever goes on trying', () => {
  /** Nine failures, each answered at once. */
  async function afterNine() {
    const fixture = await guarded();
    for (let time = 0; time < 9; time += 1) expect((await fixture.send(WRONG)).status).toBe(401);
    expect(fixture.clock.timers).toBe(0);
    return fixture;
  }

  test('waits a second from the tenth failure on', async () => {
    const { wire, clock } = await afterNine();
    for (let time = 0; time < 3; time += 1) {
      const peer = (await wire()).send(WRONG);
      await eventually(() => clock.timers === 1);
      await clock.advance(999);
      expect(peer.rest).toBe('');
      await clock.advance(1);
      expect((await peer.answer()).status).toBe(401);
    }
  });

  test('by any name, and with any kind of credentials', async () => {
    const { wire, clock } = await afterNine();
    const tries = [basic('x:y'), 'Authorization: Bearer z', 'Authorization: Digest q'];
    for (const header of tries) (await wire()).send(call(header));
    await eventually(() => clock.timers === tries.length);
  });

  test('comes in with what is right, at once', async () => {
    const { send, wire, clock } = await afterNine();
    (await wire()).send(WRONG);
    await eventually(() => clock.timers === 1);
    expect((await send(RIGHT)).status).toBe(200);
    expect((await send(call('Authorization: Bearer two'))).status).toBe(200);
  });

  test('does not slow other addresses, whatever their port', () => {
    const clock = new ManualClock();
    const access = new Access(USERS, clock);
    const isTold = (from: string) => {
      const rejection = access.signIn('Bearer wrong', from);
      let told = false;
      if ('problem' in rejection)
        rejection.after(() => {
          told = true;
        });
      return told;
    };
    for (let port = 1; port <= 9; port += 1) expect(isTold(`192.0.2.1:${port}`)).toBe(true);
    expect(isTold('192.0.2.1:10')).toBe(false);
    expect(isTold('192.0.2.7:10')).toBe(true);
    expect(isTold('[2001:db8::1]:10')).toBe(true);
  });

  test('who shows nothing tries nothing', async () => {
    const { send, clock } = await afterNine();
    for (let time = 0; time < 15; time += 1) expect((await send(call())).status).toBe(401);
    expect(clock.timers).toBe(0);
  });

  test('a minute later all is forgotten', async () => {
    const { send, clock } = await afterNine();
    await clock.advance(60_000);
    expect((await send(WRONG)).status).toBe(401);
  });

  test('one that went away is not waited for', async () => {
    const { wire, clock, server } = await afterNine();
    const peer = (await wire()).send(WRONG);
    await eventually(() => clock.timers === 1);
    peer.socket.destroy();
    await eventually(() => clock.timers === 0);
    await eventually(() => server.connections === 0);
  });

  test('nothing more is done on the connection meanwhile', async () => {
    const { wire, clock, calls } = await afterNine();
    const peer = (await wire()).send(WRONG);
    await eventually(() => clock.timers === 1);
    peer.send(RIGHT);
    await clock.advance(1_000);
    expect((await peer.answer()).status).toBe(401);
    await peer.closed;
    expect(calls).toEqual([]);
  });
});

describe('new users', () => {
  test('count from the next request on, on open connections too', async () => {
    const { wire, access, calls } = await guarded();
    const [ci, ops] = [await wire(), await wire()];
    expect((await ci.send(RIGHT).answer()).status).toBe(200);
    expect((await ops.send(call(basic('ops:two'))).answer()).status).toBe(200);
    const bound: User = { ...CI, allow: ['deploy/*'] };
    access.replaceUsers(usersOf({ one: bound }));
    expect((await ci.send(RIGHT).answer()).status).toBe(200);
    expect(calls.at(-1)?.context.user).toBe(bound);
    expect((await ops.send(call(basic('ops:two'))).answer()).status).toBe(401);
  });

  test('calls that were let in go on', async () => {
    const access = new Access(USERS, new ManualClock());
    const { wire, calls, seen } = await serve({ access, byHand: true });
    const peer = (await wire()).send(RIGHT);
    await seen(1);
    access.replaceUsers(new Users([]));
    calls[0]?.answer('granted');
    expect((await peer.answer()).body).toBe('granted');
    expect((await peer.send(RIGHT).answer()).status).toBe(401);
  });
});

test('headers that were right once stand for their own user only, however many there are', () => {
  const access = new Access(USERS, new ManualClock());
  // More ways to write the same than are remembered.
  for (let spaces = 1; spaces <= 5_000; spaces += 1) {
    expect(access.signIn(`Bearer${' '.repeat(spaces)}one`, 'x:1')).toBe(CI);
  }
  expect(access.signIn('Bearer two', 'x:1')).toBe(OPS);
  expect(access.signIn('Bearer one ', 'x:1')).toBe(CI);
  expect(access.signIn('Bearer onE', 'x:1')).toMatchObject({ problem: { name: 'wrongCredentials' } });
});
