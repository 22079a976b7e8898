/** A call to a cluster whose leader is not there any more, or is another one. The clock is set by hand. */
import { describe, expect, test } from 'vitest';
import { NoDaemon, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import { type Answer, type Behaviour, MadeUpCluster, notLeader } from './made-up-cluster.js';

const TRUE: Answer = { value: true };
const HOLD = {
  ...{ resource: 'r', client: 'A', token: '17', limit: 1, state: 'held', from: '127.0.0.1:1', waited: 0 },
  ...{ acquired: new Date(0), renewed: new Date(0), ttl: 6 },
};
const GRANTED: Answer = { value: HOLD };

/** Leads from then on; before, it names `leader` until that is forgotten, 5 s after the beginning. */
function next(member: string, seconds: number, answer: Answer, leader = 'a'): Behaviour {
  return ({ at }) => {
    if (at >= seconds) return answer;
    return notLeader(member, at < 5 ? leader : undefined);
  };
}

const gone: Behaviour = () => 'refused';
const silent: Behaviour = () => 'silent';

describe('who leads', () => {
  test('is asked next where one says so, and first from then on', async () => {
    const cluster = new MadeUpCluster({
      a: () => notLeader('a', 'c'),
      b: () => notLeader('b', 'c'),
      c: () => TRUE,
    });
    const client = cluster.client();
    expect(await cluster.outcome(client.check('r', '17'))).toMatchObject({ outcome: true });
    expect(await cluster.outcome(client.check('r', '17'))).toMatchObject({ outcome: true });
    expect(cluster.hosts).toBe('a c c');
    expect(client.url.href).toBe('http://c/');
  });

  test('is remembered while others say that it does not lead', async () => {
    const cluster = new MadeUpCluster({
      a: ({ at }) => (at < 1 ? TRUE : 'refused'),
      b: () => notLeader('b', 'a'),
    });
    const client = cluster.client({ retry: { attempts: 1 } });
    await cluster.outcome(client.check('r', '17'));
    await cluster.pass(2);
    for (const _ of [1, 2]) await cluster.outcome(client.check('r', '17'));
    expect(cluster.hosts).toBe('a a b a b');
  });

  test('also where a real refusal is its answer', async () => {
    const cluster = new MadeUpCluster({
      a: () => notLeader('a', 'b'),
      b: () => ({ code: 3, text: 'Resource not locked' }),
    });
    const client = cluster.client();
    for (const _ of [1, 2]) {
      const { outcome } = await cluster.outcome(client.unlock('r'));
      expect(outcome).toMatchObject({ refusal: 'notLocked', isRepeat: false });
    }
    expect(cluster.hosts).toBe('a b b');
  });

  test('is never called where it is none of the given addresses; the error says so, and what to do', async () => {
    const cluster = new MadeUpCluster({ b: () => notLeader('b', 'evil'), c: () => notLeader('c', 'evil') });
    const { outcome, at } = await cluster.outcome(cluster.client().lock('r'));
    expect(outcome).toBeInstanceOf(RefusedCall);
    expect(outcome).toMatchObject({
      refusal: 'unavailable',
      leader: 'http://evil',
      message:
        'http://c is not the leader, ask http://evil. That is none of the addresses that were given, and no other is called. ' +
        'Name it, too, with --url or LOCKD_URL: http://b,http://c,http://evil',
    });
    expect(at).toBeGreaterThan(14.9);
    expect(new Set(cluster.asked.map(({ host }) => host))).toEqual(new Set(['b', 'c']));
  });

  test.each(['ftp://x', 'http://user:secret@a', 'no address', 'http://'])(
    'what is no address leads nobody: %s',
    async (leader) => {
      const cluster = new MadeUpCluster({
        b: () => ({ code: 16, text: 'b is not the leader', leader }),
      });
      const { outcome } = await cluster.outcome(cluster.client({ retry: { attempts: 1 } }).check('r', '17'));
      expect(outcome).toMatchObject({ refusal: 'unavailable', message: 'b is not the leader' });
    },
  );

  test('that it does not answer is said', async () => {
    const cluster = new MadeUpCluster({ a: gone, b: () => notLeader('b', 'a') });
    const { outcome, at } = await cluster.outcome(cluster.client().check('r', '17'));
    expect(outcome).toMatchObject({
      message: 'http://b is not the leader, ask http://a, which does not answer (connection refused)',
    });
    expect(at).toBeGreaterThan(14.9);
    expect(at).toBeLessThan(16);
  });
});

describe('a failover of 9 s', () => {
  const calls: readonly [string, (cluster: MadeUpCluster) => Promise<unknown>, Answer][] = [
    ['check', (cluster) => cluster.client().check('r', '17'), TRUE],
    ['lock', (cluster) => cluster.client().lock('r'), GRANTED],
    ['unlock', (cluster) => cluster.client().unlock('r'), TRUE],
    ['unlock of a token', (cluster) => cluster.client().unlock('r', { token: '17' }), TRUE],
    ['extend', (cluster) => cluster.client().extend('r', 5), GRANTED],
    ['force', (cluster) => cluster.client().forceUnlock('r', { reason: 'x' }), TRUE],
  ];
  test.each(calls)('%s lives through it', async (_, call, answer) => {
    const cluster = new MadeUpCluster({ a: gone, b: next('b', 9, answer) });
    const { outcome, at } = await cluster.outcome(call(cluster));
    expect(outcome).not.toBeInstanceOf(Error);
    expect(at).toBeGreaterThan(9);
    expect(at).toBeLessThan(10.1);
    // No flood: both, about once a second.
    expect(cluster.asked.length).toBeLessThan(25);
  });

  test('one address lives through it where it says that it does not lead', async () => {
    const cluster = new MadeUpCluster({ b: next('b', 9, TRUE) });
    expect(await cluster.outcome(cluster.client().check('r', '17'))).toMatchObject({ outcome: true });
    const restarted = new MadeUpCluster({
      a: ({ at }) => (at < 1 ? notLeader('a') : at < 9 ? 'refused' : TRUE),
    });
    expect(await restarted.outcome(restarted.client().check('r', '17'))).toMatchObject({ outcome: true });
  });

  test('one address that does not answer is given up as ever', async () => {
    const cluster = new MadeUpCluster({ a: gone });
    const { outcome, at } = await cluster.outcome(cluster.client().check('r', '17'));
    expect(outcome).toBeInstanceOf(NoDaemon);
    expect(at).toBeCloseTo(3.5, 1);
  });

  test('what the options say of tries counts', async () => {
    const cluster = new MadeUpCluster({ a: gone, b: next('b', 9, TRUE) });
    const hasty = cluster.client({ retry: { attempts: 2 } });
    expect(await cluster.outcome(hasty.check('r', '17'))).toMatchObject({
      outcome: { refusal: 'unavailable' },
      at: expect.closeTo(0.5, 1),
    });
    const listed = cluster.client({ retryPausesSeconds: [0.1] });
    expect(await cluster.outcome(listed.check('r', '17'))).toMatchObject({ at: expect.closeTo(0.6, 1) });
  });

  test('a signal ends it at once', async () => {
    const cluster = new MadeUpCluster({ a: gone, b: next('b', 9, TRUE) });
    const abort = new AbortController();
    const call = cluster.outcome(cluster.client({ signal: abort.signal }).check('r', '17'));
    cluster.client();
    queueMicrotask(() => abort.abort(new Error('enough')));
    expect(await call).toMatchObject({ outcome: { message: 'enough' }, at: expect.closeTo(0, 1) });
  });
});

describe('a leader that says nothing', () => {
  test('holds up no call that can be asked of another one', async () => {
    const cluster = new MadeUpCluster({ a: silent, b: next('b', 6, GRANTED) });
    const { outcome, at } = await cluster.outcome(cluster.client().lock('r'));
    expect(outcome).toMatchObject({ token: '17' });
    expect(at).toBeGreaterThan(6);
    expect(at).toBeLessThan(7.1);
    expect(cluster.asked.filter(({ host }) => host === 'a')).toHaveLength(1);
    // Nobody waits for the other answer any more.
    expect(cluster.open).toBe(0);
  });

  test('and answers late after all: that is the answer, and it was asked once', async () => {
    const cluster = new MadeUpCluster({
      a: () => ({ after: 8, answer: GRANTED }),
      b: () => notLeader('b', 'a'),
    });
    expect(await cluster.outcome(cluster.client().lock('r'))).toMatchObject({
      outcome: { token: '17' },
      at: 8,
    });
    expect(cluster.asked.filter(({ host }) => host === 'a')).toHaveLength(1);
  });

  test('or refuses late: that is the answer, too', async () => {
    const cluster = new MadeUpCluster({
      a: () => ({ after: 8, answer: { code: 1, text: "Resource already locked by 'B'" } }),
      b: () => notLeader('b', 'a'),
    });
    expect(await cluster.outcome(cluster.client().lock('r'))).toMatchObject({
      outcome: { refusal: 'held' },
      at: 8,
    });
  });

  test('what must not be sent twice is sent to nobody else, and stays in doubt', async () => {
    const cluster = new MadeUpCluster({ a: silent, b: () => TRUE });
    const { outcome, at } = await cluster.outcome(cluster.client().unlock('r'));
    expect(outcome).toBeInstanceOf(OutcomeUnknown);
    expect(at).toBe(10);
    expect(cluster.hosts).toBe('a');
  });

  test('where nobody takes over, a change stays in doubt, and a question was not answered', async () => {
    const cluster = new MadeUpCluster({ a: silent, b: () => notLeader('b', 'a') });
    const lock = await cluster.outcome(cluster.client().lock('r'));
    expect(lock.outcome).toBeInstanceOf(OutcomeUnknown);
    expect(lock.at).toBeLessThan(25);
    const check = await cluster.outcome(cluster.client().check('r', '17'));
    expect(check.outcome).toMatchObject({ refusal: 'unavailable' });
  });

  test('a wait goes to another one, and keeps its key', async () => {
    const cluster = new MadeUpCluster({
      a: ({ method }) => (method === 'enqueue' ? { value: { state: 'queued', position: 1 } } : 'silent'),
      b: next('b', 6, GRANTED),
    });
    const { outcome, at } = await cluster.outcome(cluster.client().lock('r', { wait: 60 }));
    expect(outcome).toMatchObject({ token: '17' });
    expect(at).toBeLessThan(12);
    expect(cluster.asked.every(({ xml }) => xml.includes('<string>key</string>'))).toBe(true);
  });
});

describe('an answer that was lost', () => {
  test('the lock that the old leader granted is the same hold', async () => {
    const cluster = new MadeUpCluster({
      a: ({ at }) => (at < 1 ? 'cut' : 'refused'),
      b: next('b', 4, GRANTED),
    });
    expect(await cluster.outcome(cluster.client().lock('r'))).toMatchObject({ outcome: { token: '17' } });
    const keys = new Set(cluster.asked.map(({ xml }) => /<name>request<.*?<\/member>/s.exec(xml)?.[0]));
    expect(keys.size).toBe(1);
  });

  test.each([
    [3, 'Resource not locked'],
    [2, "Resource locked by 'B' cannot be unlocked by 'A'"],
    [10, "Token 17 is not the hold of 'A' on 'r'"],
  ])('an unlock by token that is answered %i afterwards was carried out', async (code, text) => {
    const cluster = new MadeUpCluster({ a: () => 'cut', b: next('b', 4, { code, text }) });
    const unlocked = await cluster.outcome(cluster.client().unlock('r', { token: '17' }));
    expect(unlocked.outcome).toBe(true);
  });

  test('but not where no answer was lost', async () => {
    const cluster = new MadeUpCluster({ a: gone, b: next('b', 4, { code: 3, text: 'Resource not locked' }) });
    const unlocked = await cluster.outcome(cluster.client().unlock('r', { token: '17' }));
    expect(unlocked.outcome).toMatchObject({ refusal: 'notLocked' });
  });

  test('an unlock without token is not sent again', async () => {
    const cluster = new MadeUpCluster({ a: () => 'cut', b: () => TRUE });
    const { outcome } = await cluster.outcome(cluster.client().unlock('r'));
    expect(outcome).toBeInstanceOf(OutcomeUnknown);
    expect(cluster.hosts).toBe('a');
  });
});

describe('waiting', () => {
  const queued: Answer = { value: { state: 'queued', position: 1 } };

  test('is over when its time is, whoever leads', async () => {
    const cluster = new MadeUpCluster({ a: gone, b: () => notLeader('b') });
    for (const wait of [3, 8]) {
      const before = cluster.now;
      const { outcome, at } = await cluster.outcome(cluster.client().lock('r', { wait }));
      expect(outcome).toMatchObject({ refusal: 'unavailable' });
      expect(at - before).toBeLessThan(wait + 1.2);
    }
  });

  test('goes on at the new leader for the time that is left', async () => {
    const cluster = new MadeUpCluster({
      a: ({ at, method }) => (at < 1 ? (method === 'enqueue' ? queued : 'cut') : 'refused'),
      b: ({ at, method }) => {
        if (at < 7) return notLeader('b', 'a');
        return method === 'wait' ? { after: 2, answer: GRANTED } : TRUE;
      },
    });
    const { outcome, at } = await cluster.outcome(cluster.client().lock('r', { wait: 20 }));
    expect(outcome).toMatchObject({ token: '17' });
    expect(at).toBeGreaterThan(9);
    expect(at).toBeLessThan(10.5);
    const waits = cluster.asked.filter(({ method }) => method === 'wait');
    expect(waits.length).toBeGreaterThan(5);
    // A place is asked for once.
    expect(cluster.asked.filter(({ method }) => method === 'enqueue')).toHaveLength(1);
  });

  test('as a method of its own, too', async () => {
    const cluster = new MadeUpCluster({ a: gone, b: next('b', 6, GRANTED) });
    const { outcome, at } = await cluster.outcome(cluster.client().wait('r', 30, { request: 'mine' }));
    expect(outcome).toMatchObject({ token: '17' });
    expect(at).toBeLessThan(7.5);
    expect(cluster.asked.every(({ xml }) => xml.includes('<string>mine</string>'))).toBe(true);
  });

  test('a wait that is given up leaves the line without waiting for a leader', async () => {
    const timedOut: Answer = { code: 4, text: "Gave up after 5 s: 'r' is still locked by 'B'" };
    const cluster = new MadeUpCluster({
      a: ({ at, method }) => {
        if (at > 9.9) return 'refused';
        return method === 'enqueue' ? queued : { after: 5, answer: timedOut };
      },
      b: () => notLeader('b', 'a'),
    });
    const { outcome, at } = await cluster.outcome(cluster.client().lock('r', { wait: 10 }));
    expect(outcome).toMatchObject({
      refusal: 'timedOut',
      message: "Gave up after 10 s: 'r' is still locked by 'B'",
    });
    expect(at).toBeLessThan(14);
  });
});

describe('a held lock', () => {
  test('is renewed at the leader where another one is asked', async () => {
    const cluster = new MadeUpCluster({
      a: ({ at }) => (at < 1 ? GRANTED : notLeader('a', 'b')),
      b: () => GRANTED,
    });
    const { outcome: hold } = await cluster.outcome(cluster.client().acquire('r', { ttl: 6, wait: 0 }));
    await cluster.pass(2.5);
    expect(cluster.hosts).toBe('a a b');
    expect(hold).toMatchObject({ isLost: false, left: expect.closeTo(4.9, 1) });
    await cluster.pass(60);
    expect(hold).toMatchObject({ isLost: false });
  });

  test('is renewed by the one that leads next, where the old one says nothing, before its lease ends', async () => {
    const long: Answer = { value: { ...HOLD, ttl: 30 } };
    const cluster = new MadeUpCluster({
      a: ({ at }) => (at < 1 ? long : 'silent'),
      b: next('b', 18, long),
      c: () => notLeader('c', 'a'),
    });
    const { outcome: hold } = await cluster.outcome(cluster.client().acquire('r', { ttl: 30, wait: 0 }));
    await cluster.pass(60);
    expect(hold).toMatchObject({ isLost: false });
  });

  test('is declared lost in time where nobody leads', async () => {
    const cluster = new MadeUpCluster({
      a: ({ at }) => (at < 1 ? GRANTED : 'refused'),
      b: () => notLeader('b'),
    });
    const { outcome } = await cluster.outcome(cluster.client().acquire('r', { ttl: 6, wait: 0 }));
    const { signal } = outcome as { readonly signal: AbortSignal };
    const lost = new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));
    expect(await cluster.outcome(lost)).toMatchObject({
      outcome: { name: 'LockLost', message: expect.stringContaining('could not be renewed in time') },
      at: expect.closeTo(5.4, 1),
    });
  });
});
