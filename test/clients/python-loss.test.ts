/** `python3 lockd.py run` when everything goes wrong at once: nothing of the command outlives its lease. */
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { forceUnlock, lockedResources } from './python-daemon.js';
import { outcome, PythonProcess, startLockdPy } from './python-process.js';

const LOCKD_PY = new URL('../../clients/lockd.py', import.meta.url).pathname;

/** Living processes whose environment names this token. */
function processesOf(token: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const isZombie = /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      return /^\d+$/.test(pid) && !isZombie && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(token);
    } catch {
      return false;
    }
  });
}

/** Prints its token, and leaves behind what ignores TERM and moves on to another process and session all the time. */
const HYDRA = `
import os, signal, time
print(os.environ['LOCKD_TOKEN'], flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork(): time.sleep(60)
end = time.monotonic() + 20
while time.monotonic() < end:
    os.setsid()
    if os.fork():
        time.sleep(0.02)
        os._exit(0)
`;

/** Fills what it shares with \`run\`, which nobody reads, and goes on. */
const FLOOD =
  "import os, sys, time\nos.set_blocking(2, False)\ntry:\n  while True: os.write(2, b'x' * 4096)\nexcept BlockingIOError: print('full', flush=True)\nos.set_blocking(2, True)\ntime.sleep(60)";

describeWith(['python3'], 'lockd.py run and its loss', () => {
  test('a daemon that is stopped for good: nothing of the group is left when the lease is over', async () => {
    const { url, daemon } = await serve();
    const stubborn =
      "trap '' TERM INT HUP; echo $LOCKD_TOKEN; (while :; do sleep 0.05; done) & while :; do sleep 0.05; done";
    const run = startLockdPy(['run', 'r', '--ttl', '5s', '--', 'sh', '-c', stubborn], url);
    const [token] = await run.wrote('stdout', /\d{16}/);
    await pause(2_000);
    // The last renewal that is answered was sent before this moment.
    daemon.child.kill('SIGSTOP');
    const since = performance.now();
    while (processesOf(token).length > 0) await pause(5);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect((await outcome(run)).status).toBe(76);
    expect(run.stderr).toMatch(/'r' cannot be renewed \(.*no answer/);
  });

  test('a command that has left its group, and moves on all the time, is hunted down', async () => {
    const { url } = await serve();
    const run = startLockdPy(['run', 'r', '--ttl', '2s', '--', 'python3', '-c', HYDRA], url);
    const [token] = await run.wrote('stdout', /\d{16}/);
    onTestFinished(() => {
      for (const pid of processesOf(token)) process.kill(Number(pid), 'SIGKILL');
    });
    await pause(200);
    await forceUnlock(url, 'r', 'maintenance');
    expect(await run.ended).toBe(76);
    expect(processesOf(token)).toEqual([]);
  });

  test('a standard error that nobody reads holds up neither the renewals nor the end', async () => {
    const { url } = await serve();
    // Its standard error is a pipe that is full.
    const starter = `
import os, subprocess, sys
reader, writer = os.pipe()
command = ['python3', ${JSON.stringify(LOCKD_PY)}, 'run', 'r', '--ttl', '2s', '--', 'python3', '-c', ${JSON.stringify(FLOOD)}]
sys.exit(subprocess.call(command, stderr=writer))
`;
    const run = new PythonProcess(['-c', starter], { LOCKD_URL: url });
    await run.wrote('stdout', /full/);
    await pause(3_000);
    expect(await lockedResources(url)).toEqual(['r']);
    await forceUnlock(url, 'r', 'maintenance');
    const since = performance.now();
    expect((await outcome(run)).status).toBe(76);
    expect(performance.now() - since).toBeLessThan(2_700);
  });

  test('what run says with --json is one object per line', async () => {
    const { url, daemon } = await serve();
    const run = startLockdPy(
      ['run', 'r', '--ttl', '3s', '--json', '--', 'sh', '-c', 'echo begun; sleep 20'],
      url,
    );
    await run.wrote('stdout', /begun/);
    await daemon.kill();
    const { status, stderr, stdout } = await outcome(run);
    expect({ status, stdout }).toEqual({ status: 76, stdout: 'begun\n' });
    const said = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).message);
    // On a slow machine the unlock is tried too, in vain; nothing else comes behind the end of the command.
    const others = said.filter((line) => !line.startsWith("'r' could not be unlocked"));
    expect(others.at(-1)).toMatch(/'r' cannot be renewed .*: ending the command/);
  });

  test('more descriptors than select knows are no obstacle', async () => {
    const { url } = await serve();
    const crowded = `
import os, resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))
held = [os.dup(0) for _ in range(1100)]
for one in held: os.set_inheritable(one, True)
sys.exit(subprocess.call(['python3', ${JSON.stringify(LOCKD_PY)}, 'run', 'r', '--', 'sh', '-c', 'echo ran; exit 3'], close_fds=False))
`;
    const run = new PythonProcess(['-c', crowded], { LOCKD_URL: url });
    expect(await outcome(run)).toEqual({ status: 3, stdout: 'ran\n', stderr: '' });
  });

  test('a defect of run ends its command before the lock is given back', async () => {
    const { url } = await serve();
    const broken = `
import lockd, os, sys
lockd._Enforcement.act = lambda *_: 1 / 0
sys.exit(lockd.main(['run', 'r', '--', 'sh', '-c', 'echo $LOCKD_TOKEN; exec sleep 30']))
`;
    const run = new PythonProcess(['-c', broken], { LOCKD_URL: url });
    const { status, stderr } = await outcome(run);
    expect(status).toBe(70);
    expect(stderr).toContain('A defect of lockd, please report it: ZeroDivisionError');
    expect(await lockedResources(url)).toEqual([]);
    const pids = readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`LOCKD_URL=${url}`);
      } catch {
        return false;
      }
    });
    expect(pids).toEqual([]);
  });
});
