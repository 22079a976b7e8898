/** A member of a cluster that does not lead: what it sends on, what it answers itself, and that every answer names the leader. */
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import { Users } from '../../src/access/users.js';
import { notLeaderText, Refusal } from '../../src/core/refusals.js';
import { Access } from '../../src/http/access.js';
import type { ClusterMember, Leader } from '../../src/http/leader.js';
import { pageFiles } from '../../src/http/page-files.js';
import type { Following } from '../../src/service/feed-following.js';
import { serve } from './fixture.js';
import { post, request, type Wire } from './wire.js';

const OURS = 'http://b.example:7420';
const LEADER = 'http://a.example:7420';

const LED: Leader = { isUs: false, url: LEADER };
const LEADERLESS: Leader = { isUs: false };
const LEADING: Leader = { isUs: true, url: OURS };

/** Nobody follows: that is the leader's to answer. */
const events = { follow: (): Following => expect.fail('a stream was opened') };

function memberWith(leader: Leader): ClusterMember & { leader: Leader } {
  return { url: OURS, leader };
}

/** A connection to a member with all the pages that send on. */
async function wireTo(leader: Leader): Promise<Wire> {
  const { wire } = await serve({ member: memberWith(leader), events, pages: pageFiles(false) });
  return wire();
}

const CALL = ['Content-Type: text/xml'];

function callAt(path: string): string {
  return post('a', CALL, path);
}

describe('where another member leads', () => {
  test.each([
    ['the page', 'GET /', '/'],
    ['the page, with a query', 'GET /?a=1&b=%20', '/?a=1&b=%20'],
    ['the page, asked for by its whole URL', 'GET http://b.example/?a', '/?a'],
    ['the events', 'GET /events?prefix=x', '/events?prefix=x'],
    ['the head of the events', 'HEAD /events', '/events'],
  ])('%s: sent on there', async (_, line, target) => {
    const wire = await wireTo(LED);
    const answer = await wire.send(request(line)).answer(line.startsWith('HEAD'));
    expect(answer.status).toBe(307);
    expect(answer.headers.get('location')).toBe(LEADER + target);
    expect(answer.headers.get('x-lockd-leader')).toBe(LEADER);
    if (line.startsWith('GET')) expect(answer.body).toBe(`${OURS} is not the leader, ask ${LEADER}\n`);
  });

  test.each(['/RPC2?follow', '/?follow', '/RPC2?follow=', '/RPC2?x&follow'])(
    'a call to %s: sent on, and not looked at',
    async (path) => {
      const { wire, calls } = await serve({ member: memberWith(LED) });
      const answer = await (await wire()).send(callAt(path)).answer();
      expect(answer.status).toBe(307);
      expect(answer.headers.get('location')).toBe(LEADER + path.replace(/^\/(RPC2)?/, '/RPC2'));
      expect(calls).toEqual([]);
    },
  );

  test.each(['/RPC2', '/', '/RPC2?following', '/RPC2?x=follow'])(
    'a call to %s: answered here, with status 200, as clients of XML-RPC know no other',
    async (path) => {
      const { wire, calls } = await serve({ member: memberWith(LED) });
      const answer = await (await wire()).send(callAt(path)).answer();
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-lockd-leader')).toBe(LEADER);
      expect(calls).toHaveLength(1);
    },
  );

  test.each([
    ['the health', request('GET /healthz'), 200],
    ['the readiness', request('GET /readyz'), 200],
    ['the client for Python', request('GET /lockd.py'), 200],
    ['the client for shells', request('GET /lockd.sh'), 200],
    ['the script of a page that came from here', request('GET /page.js'), 200],
    ['a path that is not there', request('GET /nothing'), 404],
    ['a body of another type', post('a', ['Content-Type: text/plain']), 415],
    [
      'a page of another site',
      callAt('/RPC2?follow').replace('\r\n', '\r\nOrigin: http://x.example\r\n'),
      403,
    ],
    ['what is no HTTP', 'noise\r\n\r\n', 400],
  ])('%s: answered here, and it names the leader', async (_, message, status) => {
    const wire = await wireTo(LED);
    const answer = await wire.send(message).answer();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-lockd-leader')).toBe(LEADER);
  });

  test('a call with a long body is sent on while that still comes, and the peer gets to read it', async () => {
    const wire = await wireTo(LED);
    wire.send(
      'POST /?follow HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 60000\r\n\r\n',
    );
    wire.send('x'.repeat(30_000));
    const answer = await wire.answer();
    expect(answer.status).toBe(307);
    expect(answer.headers.get('connection')).toBe('close');
    wire.send('x'.repeat(30_000));
    await wire.closed;
  });

  test('nobody needs to sign in to be sent on; what is answered here still takes a user', async () => {
    const secret = 'x'.repeat(32);
    const access = new Access(
      new Users([{ user: { name: 'ci', role: 'client' }, secretHash: hashOf(secret) }]),
    );
    const { wire } = await serve({ member: memberWith(LED), access, events });
    const sentOn = await (await wire()).send(request('GET /events')).answer();
    expect(sentOn.status).toBe(307);
    const refused = await (await wire()).send(callAt('/RPC2')).answer();
    expect(refused.status).toBe(401);
    expect(refused.headers.get('x-lockd-leader')).toBe(LEADER);
  });

  test('that is neither logged nor counted: the leader tells who came', async () => {
    const fixture = await serve({ member: memberWith(LED), events });
    await (await fixture.wire()).send(request('GET /events')).answer();
    await (await fixture.wire()).send(request('GET /nothing')).answer();
    expect(fixture.events.map((event) => 'status' in event && event.status)).toEqual([404]);
  });

  test('an address with a path and a slash at its end', async () => {
    const wire = await wireTo({ isUs: false, url: 'https://locks.example/east/' });
    const answer = await wire.send(callAt('/?follow')).answer();
    expect(answer.headers.get('location')).toBe('https://locks.example/east/RPC2?follow');
    expect(answer.headers.get('x-lockd-leader')).toBe('https://locks.example/east');
  });
});

describe('where nobody is known to lead', () => {
  const TEXT = `${OURS} is not the leader, and there is none at present; try again in a few seconds\n`;

  test.each([
    ['the page', request('GET /')],
    ['the events', request('GET /events')],
    ['a call that follows', callAt('/RPC2?follow')],
  ])('%s: 503', async (_, message) => {
    const answer = await (await wireTo(LEADERLESS)).send(message).answer();
    expect(answer.status).toBe(503);
    expect(answer.body).toBe(TEXT);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.has('location')).toBe(false);
    expect(answer.headers.has('x-lockd-leader')).toBe(false);
  });

  test.each([
    ['our own, as of one that led here before', OURS],
    ['no URL', 'a.example:7420'],
    ['another scheme', 'javascript:alert(1)'],
    ['one with a user', 'http://lockd:secret@a.example'],
    ['a second header', 'http://a.example\r\nSet-Cookie: a=b'],
    ['what is no ASCII', 'http://ä.example'],
  ])('the same where the address that is known is %s', async (_, url) => {
    const wire = await wireTo({ isUs: false, url });
    const answer = await wire.send(request('GET /')).answer();
    expect(answer.status).toBe(503);
    expect([...answer.headers.keys()]).not.toContain('x-lockd-leader');
    expect(answer.headers.has('set-cookie')).toBe(false);
  });
});

test('a stream that is asked for in the moment in which the leadership ends: 503, and what the service says', async () => {
  const details = { member: OURS, leader: undefined };
  const follow = (): Following => {
    throw new Refusal({ refusal: 'unavailable', details });
  };
  const { wire } = await serve({ member: memberWith(LEADING), events: { follow } });
  const answer = await (await wire()).send(request('GET /events')).answer();
  expect(answer.status).toBe(503);
  expect(answer.body).toBe(`${notLeaderText(details)}\n`);
});

test('the leader answers everything itself, and names nobody', async () => {
  const { wire, calls } = await serve({ member: memberWith(LEADING), pages: pageFiles(false) });
  const peer = await wire();
  const page = await peer.send(request('GET /')).answer();
  const call = await peer.send(callAt('/RPC2?follow')).answer();
  expect([page.status, call.status]).toEqual([200, 200]);
  expect(page.headers.has('x-lockd-leader')).toBe(false);
  expect(call.headers.has('x-lockd-leader')).toBe(false);
  expect(calls).toHaveLength(1);
});

test('a leader that changes is named by the very next answer, on the same connection', async () => {
  const member = memberWith(LED);
  const { wire } = await serve({ member, id: 'ID' });
  const peer = await wire();
  const told = [];
  for (const leader of [LED, LEADERLESS, { isUs: false, url: 'http://c.example' }, LEADING, LED]) {
    member.leader = leader;
    const { headers } = await peer.send(callAt('/RPC2')).answer();
    expect(headers.get('x-lockd-id')).toBe('ID');
    told.push(headers.get('x-lockd-leader'));
  }
  expect(told).toEqual([LEADER, undefined, 'http://c.example', undefined, LEADER]);
});
