import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Layout } from '../../src/disk/layout.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { CommandRunner } from '../../src/fencing/command-runner.js';
import { describeWith } from '../needs.js';
import { HOLD, isAlive, place } from './place.js';

const SUCCESS = { succeeded: true };
const failure = (error: string) => ({ succeeded: false, error });

describeWith(['flock'], 'a fence command', () => {
  test('gets the lost hold in its environment, beside the daemon’s own, and no arguments', async () => {
    const here = place();
    vi.stubEnv('FROM_THE_DAEMON', 'yes');
    const command = here.script(
      'printf "%s\\n" "$#" "$LOCKD_RESOURCE" "$LOCKD_CLIENT" "$LOCKD_TOKEN" "$LOCKD_REASON" "$FROM_THE_DAEMON"' +
        ` > ${here.path('seen')}`,
    );
    expect(await here.runner().run(command, { ...HOLD, cause: 'forced' })).toEqual(SUCCESS);
    vi.unstubAllEnvs();
    expect(here.lines('seen')).toEqual(['0', 'host/db 1', "ci's", '7000000007', 'forced', 'yes']);
  });

  test('leads a session and a process group of its own, and reads nothing', async () => {
    const here = place();
    const command = here.script(
      `cut -d' ' -f5,6 /proc/$$/stat > ${here.path('seen')}; echo $$ $$ >> ${here.path('seen')}; wc -c >> ${here.path('seen')}`,
    );
    expect(await here.runner().run(command, HOLD)).toEqual(SUCCESS);
    const [ids, own, read] = here.lines('seen');
    expect(ids).toBe(own);
    expect(read).toBe('0');
  });

  test('may have any path, for no shell reads it', async () => {
    const here = place();
    const command = here.path('$(touch oops); fence "x" &');
    fs.renameSync(here.script('exit 0'), command);
    expect(await here.runner().run(command, HOLD)).toEqual(SUCCESS);
  });

  test.each([
    ['exit 1', 'exit 1'],
    ['exit 255', 'exit 255'],
    ['kill -KILL $$', 'killed by SIGKILL'],
    ['kill -SEGV $$', 'killed by SIGSEGV'],
    ['echo one; echo "  no route to host" >&2; exit 3', 'exit 3 (no route to host)'],
    [`echo ${'x'.repeat(200)}; exit 3`, 'exit 3'],
    ["printf '\\033[2J'; exit 3", 'exit 3'],
    ["printf '\\377\\000'; exit 3", 'exit 3'],
  ])('%j is told as %j', async (body, error) => {
    const here = place();
    expect(await here.runner().run(here.script(body), HOLD)).toEqual(failure(error));
  });

  test('that is missing, or may not be executed, or is none, is told as such', async () => {
    const here = place();
    const runner = here.runner();
    const file = here.path('file');
    fs.writeFileSync(file, 'x', { mode: 0o600 });
    expect(await runner.run(here.path('nothing'), HOLD)).toEqual(failure('cannot be run: ENOENT'));
    expect(await runner.run(file, HOLD)).toEqual(failure('cannot be run: EACCES'));
    expect(await runner.run(here.directory, HOLD)).toEqual(failure('cannot be run: EACCES'));
    expect(await runner.run(here.script('exit 0'), HOLD)).toEqual(SUCCESS);
  });

  test('is ended with all its processes when it takes too long, first with SIGTERM', async () => {
    const here = place();
    const command = here.script(
      `trap 'echo asked >> ${here.path('seen')}' TERM; sleep 300 & echo $$ $! > ${here.path('ids')}; while :; do wait; done`,
    );
    const outcome = await here.runner({ timeoutMs: 4_000, graceMs: 1_000 }).run(command, HOLD);
    expect(outcome).toEqual(failure('no end within 4 s'));
    expect(here.lines('seen')).toContain('asked');
    expect(here.lines('ids')[0]?.split(' ').filter(isAlive)).toEqual([]);
  });

  test('that prints 100 MB neither waits for a reader nor fills the log', async () => {
    const here = place();
    const outcome = await here.runner().run(here.script('head -c 100000000 /dev/zero; echo end >&2'), HOLD);
    expect(outcome).toEqual(SUCCESS);
    expect(here.logged).toHaveLength(1);
    expect(Buffer.byteLength(here.logged[0] ?? '')).toBeLessThan(65_536 + 1_000);
    expect(here.logged[0]).toMatch(/\(99,934,468 more bytes\)$/);
  });

  test('is logged once, with all it said', async () => {
    const here = place();
    const runner = here.runner();
    const command = here.script('echo out; echo err >&2; [ "$LOCKD_REASON" = expired ]');
    await runner.run(command, HOLD);
    await runner.run(command, { ...HOLD, cause: 'forced' });
    const run = `The fence command ${command} for 'host/db 1', lost by 'ci's' (token 7000000007)`;
    expect(here.logged.map((record) => record.replace('err\nout', 'out\nerr'))).toEqual([
      `info ${run}, succeeded; its output:\nout\nerr`,
      `warn ${run}, failed: exit 1; its output:\nout\nerr`,
    ]);
  });

  test('runs beside those of other tokens', async () => {
    const here = place();
    const runner = here.runner();
    fs.writeFileSync(here.path('fifo-maker'), '');
    execFileSync('mkfifo', [here.path('fifo')]);
    // Each waits for the other: only together they end.
    const reads = here.script(`cat ${here.path('fifo')} > /dev/null`);
    const writes = here.script(`echo > ${here.path('fifo')}`);
    const outcomes = await Promise.all([runner.run(reads, HOLD), runner.run(writes, { ...HOLD, token: 8 })]);
    expect(outcomes).toEqual([SUCCESS, SUCCESS]);
  });
});

describeWith(['flock'], 'when very many leases end at once', () => {
  test('no more commands run at once than may', async () => {
    const here = place();
    const runner = here.runner({ maxRuns: 1 });
    const tokens = [1, 2, 3, 4, 5];
    const command = here.script(`${here.alone()}; sleep 0.05`);
    const runs = tokens.map((token) => runner.run(command, { ...HOLD, token }));
    expect(await Promise.all(runs)).toEqual(tokens.map(() => SUCCESS));
    expect(here.lines('overlaps')).toEqual([]);
  });

  test('one that waits to be run can be ended all the same', async () => {
    const here = place();
    const runner = here.runner({ maxRuns: 1 });
    const first = runner.run(here.script(`echo $$ > ${here.path('id')}; exec sleep 300`), HOLD);
    await vi.waitFor(() => expect(here.lines('id')).toHaveLength(1), 10_000);
    const waits = runner.run(here.script(`:> ${here.path('ran')}`), { ...HOLD, token: 8 });
    await new Promise(setImmediate);
    await runner.end(8);
    expect(await waits).toEqual(failure('a run that lockd ended before it was done'));
    const next = runner.run(here.script('exit 0'), { ...HOLD, token: 9 });
    await runner.end(HOLD.token);
    expect(await first).toMatchObject({ succeeded: false });
    expect(await next).toEqual(SUCCESS);
    expect(fs.existsSync(here.path('ran'))).toBe(false);
  });
});

describeWith(['flock', 'python3'], 'a success is told only when nothing of the run is alive', () => {
  test('a background process that still works is waited for', async () => {
    const here = place();
    execFileSync('mkfifo', [here.path('go')]);
    const command = here.script(
      `(read go < ${here.path('go')}; echo child >> ${here.path('seen')}) > /dev/null 2>&1 &\necho $! > ${here.path('id')}`,
    );
    let told = false;
    const run = here
      .runner()
      .run(command, HOLD)
      .then((outcome) => {
        told = true;
        return outcome;
      });
    await vi.waitFor(() => expect(here.lines('id')).toHaveLength(1), 10_000);
    expect(told).toBe(false);
    fs.writeFileSync(here.path('go'), 'go\n');
    expect(await run).toEqual(SUCCESS);
    expect(here.lines('seen')).toEqual(['child']);
  });

  test('one that goes on over the time limit is ended, and the run has failed', async () => {
    const here = place();
    const command = here.script(`sleep 300 & echo $! > ${here.path('id')}`);
    expect(await here.runner({ timeoutMs: 4_000 }).run(command, HOLD)).toEqual(
      failure('exit 0, but no end of its background processes within 4 s'),
    );
    expect(isAlive(here.lines('id')[0] ?? '')).toBe(false);
  });

  test('one that closed its descriptors is known by its process group', async () => {
    const here = place();
    const command = here.script(`sleep 300 3>&- > /dev/null 2>&1 & echo $! > ${here.path('id')}`);
    expect(await here.runner({ timeoutMs: 4_000 }).run(command, HOLD)).toEqual(
      failure('exit 0, but no end of its background processes within 4 s'),
    );
    expect(isAlive(here.lines('id')[0] ?? '')).toBe(false);
  });

  test('a zombie that nobody asks for is not alive', async () => {
    const here = place();
    // The middle process leaves the group, and the lock, and never asks for its child, which stays in the group.
    const command = here.script(`#!/usr/bin/env python3
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0: os._exit(0)
    os.setsid()
    for fd in (0, 1, 2, 3): os.close(fd)
    with open('${here.path('id')}', 'w') as file: print(os.getpid(), file=file)
    os.write(writer, b'x')
    os.close(writer)
    time.sleep(300)
os.read(reader, 1)
`);
    const outcome = await here.runner({ timeoutMs: 15_000 }).run(command, HOLD);
    const [zombieParent = ''] = here.lines('id');
    expect(isAlive(zombieParent)).toBe(true);
    process.kill(Number(zombieParent), 'SIGKILL');
    expect(outcome).toEqual(SUCCESS);
  });

  test('what a failed command left behind is ended at once', async () => {
    const here = place();
    const command = here.script(`sleep 300 & echo $! > ${here.path('id')}; exit 4`);
    expect(await here.runner().run(command, HOLD)).toEqual(failure('exit 4'));
    expect(isAlive(here.lines('id')[0] ?? '')).toBe(false);
  });
});

describeWith(['flock', 'python3'], 'processes that left the group', () => {
  const DAEMONIZES = (id: string) => `#!/usr/bin/env python3
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        for fd in (0, 1, 2): os.close(fd)
        with open('${id}.part', 'w') as file: print(os.getpid(), file=file)
        os.rename('${id}.part', '${id}')
        time.sleep(300)
    os._exit(0)
while not os.path.exists('${id}'): time.sleep(0.01)
`;

  test('are part of the run while they have its lock, and are ended with it', async () => {
    const here = place();
    const command = here.script(DAEMONIZES(here.path('id')));
    expect(await here.runner({ timeoutMs: 4_000 }).run(command, HOLD)).toEqual(
      failure('exit 0, but no end of its background processes within 4 s'),
    );
    expect(isAlive(here.lines('id')[0] ?? '')).toBe(false);
  });

  test('are none of it when they only look at the fence file', async () => {
    const here = place();
    const runner = here.runner();
    await runner.run(here.script('exit 1'), HOLD);
    const file = fs.openSync(here.layout.fenceFile(HOLD.token), 'r');
    const looking = spawn('sleep', ['300'], { stdio: [file, 'ignore', 'ignore'], detached: true });
    onTestFinished(() => void looking.kill('SIGKILL'));
    fs.closeSync(file);
    const command = here.script(`sleep 300 & echo $! > ${here.path('id')}; exit 1`);
    expect(await runner.run(command, HOLD)).toEqual(failure('exit 1'));
    expect([here.lines('id')[0], looking.pid].map((id) => isAlive(id ?? ''))).toEqual([false, true]);
  });
});

describeWith(['flock'], 'ending runs', () => {
  const HANGS = (path: string) => `echo $$ >> ${path}; exec sleep 300`;

  test('end: the run is over with all its processes, and told as failed', async () => {
    const here = place();
    const runner = here.runner();
    const run = runner.run(here.script(HANGS(here.path('id'))), HOLD);
    await vi.waitFor(() => expect(here.lines('id')).toHaveLength(1), 10_000);
    await runner.end(HOLD.token);
    expect(isAlive(here.lines('id')[0] ?? '')).toBe(false);
    expect(await run).toEqual(failure('a run that lockd ended before it was done'));
  });

  test('end: without any run there is nothing to wait for, and nothing is left behind', async () => {
    const here = place();
    await here.runner().end(99);
    expect(fs.readdirSync(here.layout.own)).toEqual([]);
  });

  test('run: a second one for the token ends the first before it starts', async () => {
    const here = place();
    const runner = here.runner();
    const alone = here.alone();
    const first = runner.run(here.script(`${alone}; ${HANGS(here.path('id'))}`), HOLD);
    await vi.waitFor(() => expect(here.lines('id')).toHaveLength(1), 10_000);
    // It takes longer than the first one is given to end: what ends the first must not meet the second.
    const second = runner.run(here.script(`${alone}; sleep 0.5`), HOLD);
    expect(await first).toEqual(failure('a run that lockd ended before it was done'));
    expect(await second).toEqual(SUCCESS);
  });

  test('run: of many at once for a token the last one counts, and none overlaps with another', async () => {
    const here = place();
    const runner = here.runner();
    const command = here.script(`${here.alone()}; sleep 0.05`);
    const outcomes = [];
    for (let count = 0; count < 10; count++) {
      outcomes.push(runner.run(command, HOLD));
      // Each is at another point when the next one comes.
      for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
    }
    const ended = failure('a run that lockd ended before it was done');
    expect(await Promise.all(outcomes)).toEqual([...Array(9).fill(ended), SUCCESS]);
    expect(here.lines('overlaps')).toEqual([]);
  });

  test('close: every run is over, and none starts any more', async () => {
    const here = place();
    const runner = here.runner();
    const command = here.script(HANGS(here.path('id')));
    const runs = [1, 2, 3].map((token) => runner.run(command, { ...HOLD, token }));
    await vi.waitFor(() => expect(here.lines('id')).toHaveLength(3), 10_000);
    await runner.close();
    expect(here.lines('id').filter(isAlive)).toEqual([]);
    const error = 'a run that lockd ended before it was done';
    expect(await Promise.all(runs)).toEqual([failure(error), failure(error), failure(error)]);
    expect(await runner.run(command, HOLD)).toEqual(failure(error));
    expect(here.lines('id')).toHaveLength(3);
  });

  test('forget: the fence file is gone, and it does not matter when it was', async () => {
    const here = place();
    const runner = here.runner();
    await runner.run(here.script('exit 0'), HOLD);
    expect(fs.statSync(here.layout.fenceFile(HOLD.token)).mode & 0o777).toBe(0o600);
    runner.forget(HOLD.token);
    runner.forget(HOLD.token);
    expect(fs.readdirSync(here.layout.own)).toEqual([]);
    expect(here.logged).toHaveLength(1);
  });
});

describeWith(['flock'], 'trouble is a failed run, never an error', () => {
  test.each([
    ['a link to elsewhere', (path: string) => fs.symlinkSync('/tmp/elsewhere', path), /ELOOP/],
    ['a directory', (path: string) => fs.mkdirSync(path), /EISDIR/],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path]), /is no file; remove it/],
  ])('%s in place of the fence file', async (_what, make, error) => {
    const here = place();
    make(here.layout.fenceFile(HOLD.token));
    const outcome = await here.runner().run(here.script(`touch ${here.path('ran')}`), HOLD);
    expect(outcome).toEqual({ succeeded: false, error: expect.stringMatching(error) });
    expect(fs.existsSync(here.path('ran'))).toBe(false);
  });

  test('a directory that is gone', async () => {
    const here = place();
    fs.rmdirSync(here.layout.own);
    const outcome = await here.runner().run(here.script('exit 0'), HOLD);
    expect(outcome).toEqual({ succeeded: false, error: expect.stringMatching(/ENOENT/) });
  });

  test('a program flock that is gone', async () => {
    const here = place();
    const runner = here.runner();
    vi.stubEnv('PATH', here.directory);
    const outcome = await runner.run(here.script(`:> ${here.path('ran')}`), HOLD);
    vi.unstubAllEnvs();
    expect(outcome).toEqual(failure('spawn flock ENOENT'));
    expect(fs.existsSync(here.path('ran'))).toBe(false);
  });

  test('a daemon whose directory was taken over starts no command', async () => {
    const here = place();
    const runner = here.runner({ isOwner: () => false });
    const outcome = await runner.run(here.script(`:> ${here.path('ran')}`), HOLD);
    expect(outcome).toEqual(failure('a daemon that has lost its directory to another'));
    expect(fs.existsSync(here.path('ran'))).toBe(false);
  });

  test('nor does one whose directory is taken over while it looks for an earlier run', async () => {
    const here = place();
    const answers = [true, false];
    const runner = here.runner({ isOwner: () => answers.shift() ?? false });
    const outcome = await runner.run(here.script(`:> ${here.path('ran')}`), HOLD);
    expect(outcome).toEqual(failure('a daemon that has lost its directory to another'));
    expect(answers).toEqual([]);
    expect(fs.existsSync(here.path('ran'))).toBe(false);
  });
});

describe('without util-linux', () => {
  test('there are no fence commands: the start is refused, with what to do', () => {
    const layout = new Layout('/nowhere');
    vi.stubEnv('PATH', '/nowhere');
    try {
      const open = () => CommandRunner.open({ layout, log: () => undefined });
      expect(open).toThrow(StartRefused);
      expect(open).toThrow(
        'Fence commands need the program flock of util-linux, which cannot be run (ENOENT); ' +
          'install util-linux, or start without --fence and --fence-command',
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
