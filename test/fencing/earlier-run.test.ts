/**
 * What a daemon does about fence commands that an earlier one left running. The earlier daemon is a process of its own that is
 * killed with SIGKILL, so that it can put nothing in order.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { describeWith } from '../needs.js';
import { HOLD, isAlive, type Place, place } from './place.js';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const SUCCESS = { succeeded: true };

let compiled = '';

beforeAll(() => {
  compiled = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'lockd-test-')));
  const source = join(ROOT, 'src/fencing/command-runner.ts');
  const options = '--ignoreConfig --module nodenext --target es2023 --types node --skipLibCheck --noCheck';
  const outputs = ['--rootDir', join(ROOT, 'src'), '--outDir', compiled];
  execFileSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options.split(' '), ...outputs, source],
    { cwd: ROOT, stdio: 'inherit' },
  );
  fs.writeFileSync(join(compiled, 'package.json'), '{"type":"module"}');
});

afterAll(() => fs.rmSync(compiled, { recursive: true, force: true }));

/** Another daemon that runs `command` for the hold and prints the outcome. `more`: what it inherits as descriptors from 3 on. */
function otherDaemon(here: Place, command: string, more: readonly (number | 'ignore')[] = []): ChildProcess {
  const program = `
    const { CommandRunner } = await import(${JSON.stringify(join(compiled, 'fencing/command-runner.js'))});
    const { Layout } = await import(${JSON.stringify(join(compiled, 'disk/layout.js'))});
    const layout = new Layout(${JSON.stringify(here.directory)});
    const runner = CommandRunner.open({ layout, log: () => undefined });
    console.log(JSON.stringify(await runner.run(${JSON.stringify(command)}, ${JSON.stringify(HOLD)})));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit', ...more],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function killed(daemon: ChildProcess): Promise<void> {
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
}

/** The process numbers that commands wrote to `ids`, once there are so many. */
async function ids(here: Place, count: number): Promise<string[]> {
  await vi.waitFor(() => expect(here.lines('ids').length).toBeGreaterThanOrEqual(count), 15_000);
  return here.lines('ids');
}

describeWith(['flock', 'python3'], 'a run that outlived its daemon', () => {
  test('is over before the next one for its token starts', async () => {
    const here = place();
    const left = here.script(
      `${here.alone()}; sleep 300 & echo $$ > ${here.path('ids')}; echo $! >> ${here.path('ids')}; wait`,
    );
    const daemon = otherDaemon(here, left);
    const leftIds = await ids(here, 2);
    await killed(daemon);
    expect(leftIds.map(isAlive)).toEqual([true, true]);
    expect(await here.runner().run(here.script(here.alone()), HOLD)).toEqual(SUCCESS);
    expect(leftIds.map(isAlive)).toEqual([false, false]);
    expect(here.lines('overlaps')).toEqual([]);
  });

  test('is over when end() says so, also where it ignores SIGTERM, and has daemons of its own', async () => {
    const here = place();
    const daemonizes = here.script(`#!/usr/bin/env python3
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def told():
    with open('${here.path('ids')}', 'a') as file: print(os.getpid(), file=file)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: told()
else: told()
time.sleep(300)
`);
    const daemon = otherDaemon(here, daemonizes);
    const leftIds = await ids(here, 2);
    await killed(daemon);
    const runner = here.runner();
    await runner.end(HOLD.token);
    expect(leftIds.map(isAlive)).toEqual([false, false]);
    expect(await runner.run(here.script('exit 0'), HOLD)).toEqual(SUCCESS);
  });

  test('is over with those of its group that closed their descriptors and ignore SIGTERM', async () => {
    const here = place();
    const left = here.script(
      `(trap '' TERM; echo ready > ${here.path('ready')}; exec sleep 300) 3>&- & echo $! > ${here.path('ids')}; wait`,
    );
    const daemon = otherDaemon(here, left);
    const leftIds = await ids(here, 1);
    await vi.waitFor(() => expect(here.lines('ready')).toHaveLength(1), 15_000);
    await killed(daemon);
    await here.runner().end(HOLD.token);
    expect(leftIds.map(isAlive)).toEqual([false]);
  });

  test('is ended by the daemon that has the directory, never the other way round', async () => {
    const here = place();
    const command = here.script(`echo $$ >> ${here.path('ids')}; exec sleep 300`);
    let isOwner = true;
    const deposed = here.runner({ isOwner: () => isOwner });
    const before = deposed.run(command, HOLD);
    await ids(here, 1);
    isOwner = false;
    const successor = here.runner();
    const after = successor.run(command, HOLD);
    await ids(here, 2);
    const error = 'a daemon that has lost its directory to another';
    expect(await before).toEqual({ succeeded: false, error });
    await expect(deposed.end(HOLD.token)).rejects.toThrow(error);
    await deposed.close();
    expect(here.lines('ids').map(isAlive)).toEqual([false, true]);
    await successor.close();
    expect(await after).toMatchObject({ succeeded: false });
  });

  test('takes no innocents with it: who has the lock without being a fence command is ended alone', async () => {
    const here = place();
    const path = here.layout.fenceFile(HOLD.token);
    // As a daemon that was frozen while it started a command.
    const program = `
import fcntl, os, signal
file = open('${path}', 'w')
sibling = os.fork()
if sibling == 0:
    file.close()
    signal.pause()
fcntl.flock(file, fcntl.LOCK_EX)
with open('${here.path('ids')}', 'w') as ids: print(os.getpid(), sibling, sep='\\n', file=ids)
os.kill(os.getpid(), signal.SIGSTOP)`;
    const frozen = spawn('python3', ['-c', program], { stdio: 'ignore', detached: true });
    onTestFinished(() => void process.kill(-Number(frozen.pid), 'SIGKILL'));
    const frozenAndSibling = await ids(here, 2);
    expect(await here.runner().run(here.script('exit 0'), HOLD)).toEqual(SUCCESS);
    expect(frozenAndSibling.map(isAlive)).toEqual([false, true]);
  });

  test('does not stand in the way of another token’s', async () => {
    const here = place();
    const daemon = otherDaemon(here, here.script(`echo $$ > ${here.path('ids')}; exec sleep 300`));
    const leftIds = await ids(here, 1);
    await killed(daemon);
    const runner = here.runner();
    expect(await runner.run(here.script('exit 0'), { ...HOLD, token: HOLD.token + 1 })).toEqual(SUCCESS);
    expect(leftIds.map(isAlive)).toEqual([true]);
    await runner.end(HOLD.token);
    expect(leftIds.map(isAlive)).toEqual([false]);
  });

  test('never overlaps with the next, through ten daemons killed at any moment', async () => {
    const here = place();
    const command = here.script(`${here.alone()}; echo $$ >> ${here.path('ids')}; exec sleep 300`);
    for (let round = 1; round <= 10; round++) {
      const daemon = otherDaemon(here, command);
      if (round % 2 === 0) await ids(here, here.lines('ids').length + 1);
      else await once(daemon, 'spawn');
      await killed(daemon);
    }
    expect(await here.runner().run(here.script(here.alone()), HOLD)).toEqual(SUCCESS);
    expect(here.lines('overlaps')).toEqual([]);
    expect(here.lines('ids').filter(isAlive)).toEqual([]);
  });
});

describeWith(['flock', 'python3'], 'the descriptors of a fence command', () => {
  test('are 0 to 2 and the lock: what the daemon itself inherited is /dev/null there', async () => {
    const here = place();
    const secret = fs.openSync(here.path('secret'), 'w');
    onTestFinished(() => fs.closeSync(secret));
    const command = here.script(`#!/usr/bin/env python3
import os
names = [int(name) for name in os.listdir('/proc/self/fd')]
with open('${here.path('seen')}', 'w') as file:
    for name in sorted(names):
        try: print(name, os.readlink('/proc/self/fd/%d' % name), file=file)
        except FileNotFoundError: pass
`);
    const daemon = otherDaemon(here, command, [
      secret,
      secret,
      ...new Array<'ignore'>(35).fill('ignore'),
      secret,
    ]);
    const [[told]] = await Promise.all([once(daemon.stdout ?? daemon, 'data'), once(daemon, 'exit')]);
    expect(JSON.parse(String(told))).toEqual(SUCCESS);
    const seen = new Map(here.lines('seen').map((line) => line.split(' ') as [string, string]));
    expect(seen.get('0')).toBe('/dev/null');
    expect(seen.get('3')).toBe(here.layout.fenceFile(HOLD.token));
    // Node itself closes the first ones, but misses what comes after a gap.
    expect(seen.get('40')).toBe('/dev/null');
    const others = [...seen].filter(([name, path]) => Number(name) > 3 && path !== '/dev/null');
    // The one that the script writes this list to.
    expect(others.map(([, path]) => path)).toEqual([here.path('seen')]);
  });
});
