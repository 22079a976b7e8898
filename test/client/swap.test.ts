/** Two members over real HTTP, and the leadership goes from one to the other: nothing that is held is lost, nothing is done twice. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import type { StreamItem } from '../../src/client/events.js';
import { start } from '../cli/world.js';
import { type TwoMembers, twoMembers } from './two-members.js';

/** Milliseconds without a leader. */
const GAP_MS = 1_200;

function clientOf({ url }: TwoMembers, client: string, options: LockdClientOptions = {}): LockdClient {
  const made = new LockdClient({ url, client, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** The leader goes, and a while later the other one leads. */
async function failOver(members: TwoMembers, how: 'kill' | 'freeze' = 'kill'): Promise<void> {
  await members[how]();
  await pause(GAP_MS);
  members.lead(members.b);
}

test.each(['kill', 'freeze'] as const)(
  'what is held is held, and given back at the new leader: %s',
  async (how) => {
    const members = await twoMembers();
    const client = clientOf(members, 'A');
    const hold = await client.acquire('r', { ttl: 30 });
    await failOver(members, how);
    expect(await client.check('r', hold.token)).toBe(true);
    expect(client.url.href).toBe(`${members.b.url}/`);
    await hold.renewNow();
    await hold.release();
    expect(await members.lockd.status('r')).toMatchObject({ state: 'free' });
  },
);

test('calls of all kinds that are made without a leader are carried out once there is one', async () => {
  const members = await twoMembers();
  const client = clientOf(members, 'A');
  const { token } = await client.lock('given', { ttl: 60 });
  members.kill();
  // What is refused or cannot connect may be sent anywhere; the old leader cuts what must not be sent twice.
  members.a.proxy.target = members.a.behind;
  const calls = Promise.all([
    client.lock('new', { ttl: 60 }),
    client.unlock('given', { token }),
    client.status('r'),
    client.enqueue('queued', { ttl: 60 }),
    client.extend('given', 5).catch((error: unknown) => error),
  ]);
  await pause(GAP_MS);
  members.lead(members.b);
  await calls;
  expect(await members.lockd.list()).toMatchObject([{ resource: 'new' }, { resource: 'queued' }]);
});

test('a wait keeps its place, before those who came later', async () => {
  const members = await twoMembers();
  await members.lockd.lock('r', 'holder', { ttl: 600 });
  const first = clientOf(members, 'first').acquire('r', { wait: 60, ttl: 30 });
  await expect.poll(() => members.lockd.status('r')).toMatchObject({ waiting: 1 });
  const second = clientOf(members, 'second').acquire('r', { wait: 60, ttl: 30 });
  await expect.poll(() => members.lockd.status('r')).toMatchObject({ waiting: 2 });
  await failOver(members);
  await members.lockd.unlock('r', 'holder');
  const hold = await first;
  expect(await members.lockd.status('r')).toMatchObject({ holders: [{ client: 'first' }], waiting: 1 });
  await hold.release();
  await (await second).release();
  const granted = (await members.lockd.history()).filter(({ event }) => event === 'granted');
  expect(granted.map(({ client }) => client)).toEqual(['second', 'first', 'holder']);
});

test('an answer that the old leader does not bring to its end takes no lock twice', async () => {
  const members = await twoMembers();
  const probe = clientOf(members, 'probe');
  await (await probe.acquire('r', { wait: 0 })).release();
  for (let cut = 0; cut < 900; cut += 100) {
    members.lead(members.a);
    const { grants } = await members.lockd.stats();
    const client = clientOf(members, 'A', { retry: { delay: 0.05 } });
    members.a.proxy.cutAfter = cut;
    const locked = client.acquire('r', { wait: 0 });
    await expect.poll(() => members.lockd.stats().then((stats) => stats.grants)).toBe(grants + 1);
    members.lead(members.b);
    const hold = await locked;
    expect(await members.lockd.check('r', hold.token)).toBe(true);
    expect(await members.lockd.stats()).toMatchObject({ grants: grants + 1, held: 1 });
    members.b.proxy.cutAfter = cut;
    client.close();
    await hold.release();
    expect(await members.lockd.stats()).toMatchObject({ held: 0 });
  }
});

test('events go on at the new leader behind the last one: none is missed, none comes twice', async () => {
  const members = await twoMembers();
  const items: StreamItem[] = [];
  const cuts: string[] = [];
  const end = new AbortController();
  // It begins at the one that does not lead.
  const { a, b } = members;
  const client = new LockdClient({ urls: [b.url, a.url], client: 'A' });
  onTestFinished(() => {
    end.abort();
    client.close();
  });
  const reading = (async () => {
    const onCut = (error: Error) => void cuts.push(error.message);
    for await (const item of client.events({ signal: end.signal, onCut })) items.push(item);
  })().catch((error: unknown) => error);
  await expect.poll(() => items.length).toBe(1);
  const names: string[] = [];
  const grant = async (name: string) => {
    names.push(name);
    await members.lockd.lock(name, 'A');
  };
  for (const [round, leader] of [b, a, b].entries()) {
    await grant(`before-${round}`);
    members.kill();
    await grant(`between-${round}`);
    members.lead(leader);
    await grant(`after-${round}`);
    const last = `after-${round}`;
    await expect
      .poll(() => items.some((item) => 'resource' in item && item.resource === last), { timeout: 15_000 })
      .toBe(true);
  }
  end.abort(new Error('enough'));
  expect(await reading).toMatchObject({ message: 'enough' });
  expect(items.flatMap((item) => ('resource' in item ? [item.resource] : []))).toEqual(names);
  expect(items.filter(({ event }) => event === 'gap')).toEqual([]);
  expect(cuts.length).toBeGreaterThanOrEqual(3);
});

test.each([['--events'], []])('lockd watch goes on at the new leader: %s', async (...words) => {
  const members = await twoMembers();
  const watch = start(['watch', ...words, '--interval', '0.1s'], { environment: { LOCKD_URL: members.url } });
  onTestFinished(async () => {
    process.emit('SIGTERM');
    await watch.ended;
  });
  const until = (text: string) =>
    expect.poll(() => watch.written.stdout, { timeout: 20_000 }).toContain(text);
  await pause(300);
  await members.lockd.lock('one', 'A');
  await until('one');
  members.kill();
  await members.lockd.lock('two', 'A');
  await pause(GAP_MS);
  members.lead(members.b);
  await until('two');
  await members.lockd.lock('three', 'A');
  await until('three');
  expect(watch.written.stderr).not.toContain('missing');
});
