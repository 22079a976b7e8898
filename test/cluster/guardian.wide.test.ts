/** Fence commands of a leader that is killed or stopped: each is dead before the next leader runs its own. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { leaderOf, serveMember } from '../cluster-daemons.js';
import { eventually } from '../crash/eventually.js';
import type { RunningDaemon } from '../daemon.js';
import { startEtcd } from '../etcd.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** What a fence command wrote in the name of one member. */
interface Written {
  readonly ids: readonly number[];
  /** Nanoseconds since 1970. */
  readonly times: readonly bigint[];
}

/** Two members whose fence command never ends and is deaf to SIGTERM; it and its child write the time over and over. */
async function cluster() {
  const etcd = await startEtcd();
  const directory = temporaryDirectory();
  const script = join(directory, 'fence');
  const line = `echo $$ $(date +%s%N) >> ${directory}/$MEMBER`;
  const loop = `while :; do ${line}; sleep 0.02; done`;
  writeFileSync(script, `#!/bin/bash\ntrap '' TERM\nsetsid bash -c '${loop}' &\n${loop}\n`);
  chmodSync(script, 0o755);
  const words = ['--fence', `*=${script}`];
  const serve = async (name: string) => ({
    name,
    ...(await serveMember(etcd, { words, variables: { MEMBER: name } })),
  });
  const members = [await serve('a'), await serve('b')];
  const { leader, followers } = await leaderOf(members);
  const named = (member: RunningDaemon | undefined) => members.find(({ url }) => url === member?.url);
  const [first, second] = [named(leader), named(followers[0])];
  if (!first || !second) throw new Error('nobody leads');
  const written = (name: string): Written => {
    const file = join(directory, name);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const lines = text.split('\n').slice(0, -1);
    const ids = new Set(lines.map((one) => Number(one.split(' ')[0])));
    return { ids: [...ids], times: lines.map((one) => BigInt(one.split(' ')[1] ?? 0)).sort() };
  };
  return { leader: first, follower: second, written };
}

/** Loses a lock, and resolves when the fence command and its child run. */
async function lose({ leader, written }: Awaited<ReturnType<typeof cluster>>): Promise<void> {
  const client = new LockdClient({ url: leader.url, client: 'A' });
  onTestFinished(() => client.close());
  await client.lock('r', { ttl: 1 });
  await eventually('the fence command runs', () => written(leader.name).ids.length === 2);
  // The daemon is behind the step that started it: stopped within that, it is killed as the command is.
  await client.status('r');
}

describeWith(['etcd', 'flock'], 'the fence command of a leader', () => {
  test('that is killed is dead before the next leader runs its own', async () => {
    const all = await cluster();
    const { leader, follower, written } = all;
    await lose(all);
    await leader.daemon.kill();
    await eventually('the next leader fences', () => written(follower.name).ids.length > 0);
    expect(Number(written(leader.name).times.at(-1))).toBeLessThan(Number(written(follower.name).times[0]));
  });

  test('that is stopped is dead before the next leader runs its own; it follows when it goes on', async () => {
    const all = await cluster();
    const { leader, follower, written } = all;
    await lose(all);
    leader.daemon.child.kill('SIGSTOP');
    onTestFinished(() => void leader.daemon.child.kill('SIGCONT'));
    await eventually('the next leader fences', () => written(follower.name).ids.length > 0);
    const [last = 0n] = written(leader.name).times.slice(-1);
    const [begun = 0n] = written(follower.name).times;
    expect(last).toBeLessThan(begun);
    leader.daemon.child.kill('SIGCONT');
    await eventually('it follows', async () =>
      (await (await fetch(new URL('/readyz', leader.url))).text()).includes(`ask ${follower.url}`),
    );
    expect(written(leader.name).times.at(-1)).toBe(last);
  });
});
