/**
 * Fence commands of a leader's daemon, a process of its own, which is stopped or killed. Another leader runs the same commands
 * then and cannot look at this machine.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { earlierGuardianGone } from '../../src/fencing/guardian.js';
import { Guardianship } from '../../src/fencing/guardianship.js';
import { startOf } from '../../src/fencing/processes.js';
import { describeWith } from '../needs.js';
import { ROOT } from '../root.js';
import { HOLD, isAlive, type Place, place } from './place.js';

const DIST = join(ROOT, 'dist');

async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within 30 s`);
    await new Promise((next) => setTimeout(next, 10));
  }
}

/** Who has the guardian's file of this directory locked. */
function guardians(here: Place): string[] {
  const { ino } = fs.statSync(here.layout.guardian, { throwIfNoEntry: false }) ?? {};
  return fs.readdirSync('/proc').filter((id) => {
    if (!/^\d+$/.test(id) || ino === undefined) return false;
    try {
      const words = fs.readFileSync(`/proc/${id}/cmdline`, 'latin1');
      const hasIt = (name: string) => fs.statSync(`/proc/${id}/fd/${name}`).ino === ino;
      return words.includes('guardian-process') && fs.readdirSync(`/proc/${id}/fd`).some(hasIt);
    } catch {
      return false;
    }
  });
}

/** For good: should nobody end it, the test does. */
function stop(guardian: number): void {
  process.kill(guardian, 'SIGSTOP');
  onTestFinished(() => {
    if (isAlive(guardian)) process.kill(guardian, 'SIGKILL');
  });
}

interface DaemonOptions {
  /** Milliseconds for which the leadership goes on from each word to the next. */
  readonly leftMs?: number;
  /** Lines of its program, before the command is run. `runner` is there. */
  readonly before?: string;
}

/** A daemon that does nothing but run `command` as leader, and prints the outcome. */
function daemonFor(here: Place, command: string, { leftMs = 3_600_000, before = '' }: DaemonOptions = {}) {
  const program = `
    import { CommandRunner } from '${DIST}/fencing/command-runner.js';
    import { Guardianship } from '${DIST}/fencing/guardianship.js';
    import { Layout } from '${DIST}/disk/layout.js';
    const runner = CommandRunner.open({
      layout: new Layout('${here.directory}'),
      log: () => undefined,
      graceMs: 100,
      leadership: {
        assert: () => undefined,
        makeGuardianship: (wanted) => new Guardianship({ ...wanted, left: () => ${leftMs} }),
      },
    });
    ${before}
    console.log(JSON.stringify(await runner.run('${command}', ${JSON.stringify(HOLD)})));
    await runner.close();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, said: () => said };
}

/** A command with a child beside it, another in a group of its own, and one that nobody started with anything; deaf to SIGTERM. */
function deaf(here: Place): { readonly command: string; readonly ids: () => string[] } {
  const ids = here.path('ids');
  const command = here.script(`trap '' TERM
sleep 300 & echo $! >> ${ids}
setsid sh -c 'echo $$ >> ${ids}; exec sleep 300' &
setsid env -i sh -c 'echo $$ >> ${ids}; exec sleep 300' &
echo $$ >> ${ids}; while :; do sleep 1; done`);
  return { command, ids: () => here.lines('ids') };
}

async function isOver(here: Place, ids: () => string[]): Promise<void> {
  await until('nothing of the command is alive', () => !ids().some(isAlive));
  await until('no guardian is left', () => guardians(here).length === 0);
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describeWith(['flock'], 'a fence command of a leader', () => {
  test('ends with the daemon that is killed, and its guardian after it', async () => {
    const here = place();
    const { command, ids } = deaf(here);
    const { child } = daemonFor(here, command);
    await until('the command runs', () => ids().length === 4);
    expect(guardians(here)).toHaveLength(1);
    await killed(child);
    await isOver(here, ids);
  });

  test('ends when the daemon is stopped for longer than its leadership goes on; the daemon does not', async () => {
    const here = place();
    const { command, ids } = deaf(here);
    const { child, said } = daemonFor(here, command, { leftMs: 4_000 });
    await until('the command runs', () => ids().length === 4);
    // It goes on for as long as the daemon says so.
    await new Promise((next) => setTimeout(next, 5_000));
    expect(ids().every(isAlive)).toBe(true);
    child.kill('SIGSTOP');
    await until('nothing of the command is alive', () => !ids().some(isAlive));
    child.kill('SIGCONT');
    await once(child, 'exit');
    expect(JSON.parse(said())).toMatchObject({ succeeded: false });
    await isOver(here, ids);
  });

  test('does not start where the daemon was stopped before that for longer than its leadership went on', async () => {
    const here = place();
    const command = here.script(`echo x >> ${here.path('ids')}`);
    // Between the guardian's answer and the start, in the very step: as if the daemon were stopped there.
    const before = `
      let asked = 0;
      runner.options.leadership.assert = () => {
        if (asked++ === 0) process.kill(process.pid, 'SIGSTOP');
      };`;
    const { child } = daemonFor(here, command, { leftMs: 4_000, before });
    const [status, signal] = await once(child, 'exit');
    expect([status, signal]).toEqual([null, 'SIGKILL']);
    await isOver(here, () => []);
    expect(here.lines('ids')).toEqual([]);
  });

  test('does not start where the guardian is told too late', async () => {
    const here = place();
    const command = here.script(`echo x >> ${here.path('ids')}`);
    const { child, said } = daemonFor(here, command, { leftMs: 0 });
    await once(child, 'exit');
    expect(JSON.parse(said())).toEqual({ succeeded: false, error: 'the leadership ran out' });
    expect(here.lines('ids')).toEqual([]);
    await isOver(here, () => []);
  });

  test('is found also where the daemon was killed in the moment in which it started it', async () => {
    const here = place();
    const { command, ids } = deaf(here);
    // Nothing was said of its process group.
    const before = `
      const { ChildProcess } = await import('node:child_process');
      const { spawn } = ChildProcess.prototype;
      ChildProcess.prototype.spawn = function (options) {
        const result = spawn.call(this, options);
        if (options.file === '${command}') process.kill(process.pid, 'SIGKILL');
        return result;
      };`;
    const { child } = daemonFor(here, command, { before });
    await once(child, 'exit');
    await isOver(here, ids);
    // Not only because it has not begun yet.
    await new Promise((next) => setTimeout(next, 500));
    expect(ids().filter(isAlive)).toEqual([]);
  });

  test('succeeds as ever, and leaves no guardian behind', async () => {
    const here = place();
    const command = here.script(`echo $PPID >> ${here.path('ids')}`);
    const { child, said } = daemonFor(here, command);
    await once(child, 'exit');
    expect(JSON.parse(said())).toEqual({ succeeded: true });
    expect(here.lines('ids')).toEqual([String(child.pid)]);
    expect(guardians(here)).toEqual([]);
  });
});

describeWith(['flock'], 'a guardian', () => {
  function guarded(here: Place, left = () => 60_000, idleMs = 60_000) {
    return here.runner({
      timeoutMs: 3_600_000,
      leadership: {
        assert: () => undefined,
        makeGuardianship: (wanted) => new Guardianship({ ...wanted, left, idleMs }),
      },
    });
  }

  /** Runs a command until `trouble` is over; the next one has another guardian. */
  async function troubled(here: Place, trouble: (guardian: number) => void): Promise<void> {
    const runner = guarded(here);
    const { command, ids } = deaf(here);
    const run = runner.run(command, HOLD);
    await until('the command runs', () => ids().length === 4);
    const [first] = guardians(here);
    trouble(Number(first));
    expect(await run).toMatchObject({ succeeded: false });
    expect(ids().filter(isAlive)).toEqual([]);
    const next = runner.run(here.script(`echo x > ${here.path('next')}; sleep 300`), HOLD);
    await until('the next command runs', () => here.lines('next').length === 1);
    expect(guardians(here)).toHaveLength(1);
    expect(guardians(here)).not.toEqual([first]);
    await runner.close(true);
    expect(await next).toMatchObject({ succeeded: false });
    expect(guardians(here)).toEqual([]);
  }

  test('that is killed takes the commands with it', async () => {
    await troubled(place(), (guardian) => process.kill(guardian, 'SIGKILL'));
  });

  test('that is stopped is not relied on', async () => {
    await troubled(place(), stop);
  });

  test('does not end because everybody is told to', async () => {
    const here = place();
    const runner = guarded(here);
    const { command, ids } = deaf(here);
    void runner.run(command, HOLD);
    await until('the command runs', () => ids().length === 4);
    const [guardian] = guardians(here);
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(Number(guardian), name);
    await new Promise((next) => setTimeout(next, 300));
    expect(guardians(here)).toEqual([guardian]);
    expect(ids().every(isAlive)).toBe(true);
    await runner.close(true);
    await isOver(here, ids);
  });

  test('whose time ran out before the leadership was renewed has killed; the next command has another', async () => {
    const here = place();
    let left = 60_000;
    const runner = guarded(here, () => left);
    const { command, ids } = deaf(here);
    const run = runner.run(command, HOLD);
    await until('the command runs', () => ids().length === 4);
    left = 0;
    expect(await run).toMatchObject({ succeeded: false });
    left = 60_000;
    expect(await runner.run(here.script('exit 0'), HOLD)).toEqual({ succeeded: true });
    await runner.close();
    await isOver(here, ids);
  });

  test('is one for many commands, and there is none without a command', async () => {
    const here = place();
    const runner = guarded(here);
    await runner.end(HOLD.token);
    expect(guardians(here)).toEqual([]);
    const command = here.script('exit 0');
    const runs = Array.from({ length: 20 }, (_, index) =>
      runner.run(command, { ...HOLD, token: HOLD.token + index }),
    );
    for (const run of runs) expect(await run).toEqual({ succeeded: true });
    expect(guardians(here)).toHaveLength(1);
    await runner.close();
    expect(guardians(here)).toEqual([]);
  });

  test('rests when nothing has run for a while, and not while something runs', async () => {
    const here = place();
    const runner = guarded(here, undefined, 200);
    const { command, ids } = deaf(here);
    const run = runner.run(command, HOLD);
    await until('the command runs', () => ids().length === 4);
    const another = { ...HOLD, token: HOLD.token + 1 };
    expect(await runner.run(here.script('exit 0'), another)).toEqual({ succeeded: true });
    await new Promise((next) => setTimeout(next, 1_000));
    expect(guardians(here)).toHaveLength(1);
    await runner.end(HOLD.token);
    expect(await run).toMatchObject({ succeeded: false });
    await until('it rests', () => guardians(here).length === 0);
    expect(await runner.run(here.script('exit 0'), HOLD)).toEqual({ succeeded: true });
    expect(ids().filter(isAlive)).toEqual([]);
  });

  test('kills no process that has the number of one that it was told of', async () => {
    const here = place();
    const [innocent, meant] = [1, 2].map(() => {
      const child = spawn('sleep', ['300'], { stdio: 'ignore', detached: true });
      onTestFinished(() => void child.kill('SIGKILL'));
      return child;
    }) as [ChildProcess, ChildProcess];
    const child = fork(join(DIST, 'fencing/guardian-process.js'), { stdio: 'ignore' });
    const later = { monotonic: Number.MAX_SAFE_INTEGER, sinceBoot: Number.MAX_SAFE_INTEGER };
    const told = [innocent, meant].flatMap(({ pid = 0 }, token) => {
      const start = pid === meant.pid ? startOf(pid) : '1';
      return [
        { watch: { token, path: here.layout.fenceFile(token) } },
        { started: { token, group: pid, start } },
      ];
    });
    let answers = 0;
    child.on('message', () => {
      answers += 1;
    });
    for (const [number, word] of told.entries()) child.send({ number, until: later, ...word });
    await until('it has heard all', () => answers === told.length);
    child.disconnect();
    await once(child, 'exit');
    expect([innocent, meant].map(({ pid = 0 }) => isAlive(pid))).toEqual([true, false]);
  });

  test('of a daemon that is gone is waited for', async () => {
    const here = place();
    const { command, ids } = deaf(here);
    const { child } = daemonFor(here, command);
    await until('the command runs', () => ids().length === 4);
    await killed(child);
    await earlierGuardianGone(here.layout.guardian);
    expect(guardians(here)).toEqual([]);
    expect(ids().filter(isAlive)).toEqual([]);
  });

  test('of a daemon that is gone is ended where it does not end by itself', async () => {
    const here = place();
    const { command, ids } = deaf(here);
    const { child } = daemonFor(here, command);
    await until('the command runs', () => ids().length === 4);
    stop(Number(guardians(here)[0]));
    await killed(child);
    await earlierGuardianGone(here.layout.guardian);
    expect(guardians(here)).toEqual([]);
    // What it left undone is for whoever comes next.
    await here.runner().end(HOLD.token);
    expect(ids().filter(isAlive)).toEqual([]);
  });
});
