/** lockd run, clients/lockd.py and clients/lockd.sh when the leadership goes from one member of a cluster to the other. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type TwoMembers, twoMembers } from '../client/two-members.js';
import { LockdProcess } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { outcome, startLockdPy, startScript } from './python-process.js';
import { startLockdSh } from './shell-process.js';

/** Milliseconds without a leader: less than any lease here. */
const GAP_MS = 2_000;

async function failOver(members: TwoMembers, how: 'kill' | 'freeze' = 'kill'): Promise<void> {
  await members[how]();
  await pause(GAP_MS);
  members.lead(members.b);
}

/** A command of any client, as far as these tests go. */
interface Ran {
  wrote(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<unknown>;
  end(): Promise<{ status: unknown; stdout: string }>;
}

type Start = (words: readonly string[], url: string) => Ran;

const startLockd: Start = (words, url) => {
  const ran = new LockdProcess(words, { variables: { LOCKD_URL: url } });
  return {
    wrote: (stream, pattern) => ran.wrote(stream, pattern),
    end: async () => ({ status: await ran.ended, stdout: ran.stdout }),
  };
};

const startPy: Start = (words, url) => {
  const ran = startLockdPy(words, url);
  return { wrote: (stream, pattern) => ran.wrote(stream, pattern), end: () => outcome(ran) };
};

const startSh: Start = (words, url) => {
  const ran = startLockdSh(words, { url });
  return { wrote: (stream, pattern) => ran.wrote(stream, pattern), end: () => ran.outcome };
};

/** A command that goes on until a file is there. */
function patient() {
  const file = join(temporaryDirectory(), 'enough');
  const loop = `echo started; while [ ! -e ${file} ]; do sleep 0.05; done; echo over`;
  return { words: ['--', 'sh', '-c', loop], enough: () => writeFileSync(file, '') };
}

function runsThroughIt(begin: Start): void {
  test.each(['kill', 'freeze'] as const)(
    'a command goes on, and its lock is given back at the end: %s',
    async (how) => {
      const members = await twoMembers();
      const { words, enough } = patient();
      const ran = begin(['run', 'r', '--ttl', '6s', '--client', 'A', ...words], members.url);
      await ran.wrote('stdout', /started/);
      const [held] = (await members.lockd.status('r')).holders;
      await failOver(members, how);
      // Longer than its lease was, had it not been renewed at the new leader.
      await pause(6_500);
      expect((await members.lockd.status('r')).holders).toMatchObject([
        { token: held?.token, state: 'held' },
      ]);
      enough();
      expect(await ran.end()).toMatchObject({ status: 0, stdout: 'started\nover\n' });
      expect(await members.lockd.status('r')).toMatchObject({ state: 'free' });
    },
  );

  test('its place in the line is kept, and what ends without a leader is unlocked when there is one', async () => {
    const members = await twoMembers();
    await members.lockd.lock('r', 'holder', { ttl: 600 });
    const { words, enough } = patient();
    const first = begin(['run', 'r', '--client', 'first', ...words], members.url);
    await expect.poll(() => members.lockd.status('r'), { timeout: 20_000 }).toMatchObject({ waiting: 1 });
    const { words: more, enough: moreEnough } = patient();
    const second = begin(['run', 'r', '--client', 'second', ...more], members.url);
    await expect.poll(() => members.lockd.status('r'), { timeout: 20_000 }).toMatchObject({ waiting: 2 });
    await failOver(members);
    await members.lockd.unlock('r', 'holder');
    await first.wrote('stdout', /started/);
    expect(await members.lockd.status('r')).toMatchObject({ holders: [{ client: 'first' }], waiting: 1 });
    members.kill();
    enough();
    await pause(GAP_MS);
    members.lead(members.a);
    expect(await first.end()).toMatchObject({ status: 0 });
    await second.wrote('stdout', /started/);
    moreEnough();
    expect(await second.end()).toMatchObject({ status: 0 });
    expect(await members.lockd.status('r')).toMatchObject({ state: 'free' });
  }, 60_000);

  test('a lock that is asked for without a leader is granted when there is one', async () => {
    const members = await twoMembers();
    members.kill();
    const ran = begin(['lock', 'r', '--client', 'A', '--ttl', '60s'], members.url);
    await pause(GAP_MS);
    members.lead(members.b);
    const { status, stdout } = await ran.end();
    expect(status).toBe(0);
    const token = stdout.trim();
    expect(await members.lockd.check('r', token)).toBe(true);
    members.kill();
    const unlocked = begin(['unlock', 'r', '--client', 'A', '--token', token], members.url);
    await pause(GAP_MS);
    members.lead(members.a);
    expect(await unlocked.end()).toMatchObject({ status: 0 });
    expect(await members.lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('a leader that is none of the given addresses is not called; the error says whom to add', async () => {
    const { a, b } = await twoMembers();
    const before = a.proxy.connections;
    const ran = begin(['status', 'r'], b.url);
    expect(await ran.end()).toMatchObject({ status: 69, stdout: '' });
    await ran.wrote(
      'stderr',
      new RegExp(`${b.url} is not the leader, ask ${a.url}\\. .*LOCKD_URL: ${b.url},${a.url}`),
    );
    expect(a.proxy.connections).toBe(before);
  }, 60_000);
}

describe('lockd at a failover', () => runsThroughIt(startLockd));

describeWith(['python3'], 'lockd.py at a failover', () => {
  runsThroughIt(startPy);

  test('in a with statement, and a place in the line', async () => {
    const members = await twoMembers();
    await members.lockd.lock('line', 'holder', { ttl: 600 });
    const ran = startScript(
      `
import lockd
place = lockd.enqueue('line')
with lockd.lock('r', ttl=6) as hold:
    print(hold.token, flush=True)
    with place.wait(60) as other:
        hold.check(ask=True)
        print('both', flush=True)
print('given back')
`,
      members.url,
      { LOCKD_CLIENT: 'A' },
    );
    await ran.wrote('stdout', /\d+\n/);
    await failOver(members, 'freeze');
    await pause(1_000);
    await members.lockd.unlock('line', 'holder');
    expect(await outcome(ran)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\nboth\ngiven back\n$/),
    });
    expect(await members.lockd.list()).toEqual([]);
  }, 60_000);

  test('an unlock by token whose answer is lost was carried out', async () => {
    const members = await twoMembers();
    const { token } = await members.lockd.lock('r', 'A');
    members.a.proxy.cutAfter = 0;
    const ran = startScript(
      `import lockd; print(lockd.Client(client='A').unlock('r', '${token}'))`,
      members.url,
    );
    await expect.poll(() => members.lockd.status('r'), { timeout: 20_000 }).toMatchObject({ state: 'free' });
    members.lead(members.b);
    expect(await outcome(ran)).toMatchObject({ status: 0, stdout: 'True\n' });
  });
});

describeWith(['curl', 'flock'], 'lockd.sh at a failover', () => runsThroughIt(startSh));
