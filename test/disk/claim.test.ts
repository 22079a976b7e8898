import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Claim, claimDirectory, ownerIsRunning, readOwner } from '../../src/disk/claim.js';
import { Layout } from '../../src/disk/layout.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from './temporary-directory.js';

const PATH = process.env.PATH;

/** A busy machine takes its time to start the program `flock`. */
const PATIENTLY = 15_000;
const BOOT = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

afterEach(() => {
  process.env.PATH = PATH;
  vi.useRealTimers();
});

function place(): Layout {
  const layout = new Layout(temporaryDirectory());
  fs.mkdirSync(layout.own);
  return layout;
}

async function claim(layout: Layout): Promise<{ claim: Claim; said: string[] }> {
  const said: string[] = [];
  return { claim: await claimDirectory(layout, (message) => said.push(message)), said };
}

/** A `daemon.lock` whose heartbeat was `ageMs` ago, and the owner that left it. */
function leaveBehind(layout: Layout, boot: string, ageMs: number): void {
  fs.mkdirSync(layout.daemonLock);
  const then = new Date(Date.now() - ageMs);
  fs.utimesSync(layout.daemonLock, then, then);
  fs.writeFileSync(layout.owner, JSON.stringify({ boot, host: 'other', pid: 4_194_305, guarded: true }));
}

/** The descriptors of this process that stand for a file of the directory. */
function descriptors(layout: Layout): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const path = fs.readlinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(layout.root) ? [path] : [];
    } catch {
      return [];
    }
  });
}

/** A claim beside an owner whose heart beats all the time ends with `message`. */
async function expectGivenUp(layout: Layout, message: string): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  let settled = false;
  const claiming = claimDirectory(layout, () => undefined).finally(() => {
    settled = true;
  });
  const refused = expect(claiming).rejects.toThrow(message);
  while (!settled) {
    fs.utimesSync(layout.daemonLock, new Date(), new Date());
    vi.advanceTimersByTime(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await refused;
}

describeWith(['flock'], 'a claimed directory', () => {
  test('is had also where a FIFO stands in place of its owner’s name', async () => {
    const layout = place();
    execFileSync('mkfifo', [layout.owner]);
    expect(readOwner(layout)).toBeUndefined();
    const { claim: mine } = await claim(layout);
    expect(readOwner(layout)).toMatchObject({ pid: process.pid });
    await mine.release();
  });

  test('is not taken from an owner that had no kernel lock: that one being free says nothing of it', async () => {
    const layout = place();
    const { claim: mine } = await claim(layout);
    const owner = { boot: BOOT, host: 'other', pid: 4_194_305, guarded: false };
    await mine.release();
    fs.mkdirSync(layout.daemonLock);
    fs.writeFileSync(layout.owner, JSON.stringify(owner));
    await expectGivenUp(layout, 'is owned by another lockd (process 4194305 on other)');
    expect(fs.existsSync(layout.daemonLock)).toBe(true);
  });

  test('names its owner', async () => {
    const layout = place();
    const { claim: mine, said } = await claim(layout);
    expect(mine.warnings).toEqual([]);
    expect(said).toEqual([]);
    const owner = { boot: BOOT, host: hostname(), pid: process.pid, guarded: true };
    expect(readOwner(layout)).toEqual(owner);
    expect(ownerIsRunning(owner)).toBe(true);
    expect(fs.statSync(layout.owner).mode & 0o777).toBe(0o600);
    expect(fs.statSync(layout.guard).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(layout.own).sort()).toEqual(['daemon.lock', 'guard', 'owner.json']);
    await mine.release();
  });

  test('refuses a second one at once, naming the first, which goes on', async () => {
    const layout = place();
    const { claim: mine } = await claim(layout);
    const before = fs.statSync(layout.daemonLock).ino;
    const refused = claimDirectory(layout, () => undefined);
    await expect(refused).rejects.toBeInstanceOf(StartRefused);
    await expect(refused).rejects.toThrow(
      `${layout.root} is owned by another lockd (process ${process.pid} on ${hostname()}); ` +
        'stop that one first, or give another --directory',
    );
    expect(fs.statSync(layout.daemonLock).ino).toBe(before);
    expect(readOwner(layout)?.pid).toBe(process.pid);
    await mine.release();
  });

  test('is given back whole', async () => {
    const layout = place();
    for (let round = 0; round < 3; round += 1) {
      const { claim: mine } = await claim(layout);
      await mine.release();
      expect(fs.existsSync(layout.daemonLock)).toBe(false);
      expect(descriptors(layout)).toEqual([]);
    }
  });

  test('is free again when its process is gone, however it went', async () => {
    const layout = place();
    // The kernel lock as another process has it, until that dies.
    fs.writeFileSync(layout.guard, '');
    const other = spawn('flock', ['-x', layout.guard, 'sh', '-c', 'echo locked; read _'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    await once(other.stdout, 'data');
    await expect(claimDirectory(layout, () => undefined)).rejects.toBeInstanceOf(StartRefused);
    const ended = once(other, 'close');
    process.kill(-(other.pid ?? 0), 'SIGKILL');
    await ended;
    await (await claim(layout)).claim.release();
  });

  test('is not held by the children of its owner', async () => {
    const layout = place();
    const { claim: mine } = await claim(layout);
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    await mine.release();
    await (await claim(layout)).claim.release();
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  });

  test('takes over at once what its own boot left behind', async () => {
    const layout = place();
    leaveBehind(layout, BOOT, 0);
    const { claim: mine, said } = await claim(layout);
    expect(said).toEqual([]);
    await mine.release();
  });

  test('takes over at once what another boot left behind long ago', async () => {
    const layout = place();
    leaveBehind(layout, 'another boot', 11_000);
    const { claim: mine, said } = await claim(layout);
    expect(said).toEqual([]);
    await mine.release();
  });

  test('waits for the heartbeat of another host, says so once, and takes over when it is stale', async () => {
    const layout = place();
    leaveBehind(layout, 'another boot', 0);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const said: string[] = [];
    const claiming = claimDirectory(layout, (message) => said.push(message));
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), PATIENTLY);
    expect(said).toEqual([
      `${layout.daemonLock} is there; waiting up to 12 s for its owner's heartbeat to be stale`,
    ]);
    const then = new Date(Date.now() - 11_000);
    fs.utimesSync(layout.daemonLock, then, then);
    vi.advanceTimersByTime(500);
    const mine = await claiming;
    expect(said.length).toBe(1);
    await mine.release();
  });

  test('gives up on another host whose heart beats', async () => {
    const layout = place();
    leaveBehind(layout, 'another boot', 0);
    await expectGivenUp(
      layout,
      `${layout.root} is owned by another lockd (process 4194305 on other); stop that one first`,
    );
    expect(descriptors(layout)).toEqual([]);
    expect(fs.existsSync(layout.daemonLock)).toBe(true);
  });

  test.each([
    ['torn', '{"boot":"x'],
    ['empty', ''],
    ['of another kind', '[]'],
    ['null', 'null'],
  ])('with an owner.json that is %s can be claimed, and refuses without a name', async (_, text) => {
    const layout = place();
    fs.writeFileSync(layout.owner, text);
    expect(readOwner(layout)).toBeUndefined();
    const { claim: mine } = await claim(layout);
    fs.writeFileSync(layout.owner, text);
    await expect(claimDirectory(layout, () => undefined)).rejects.toThrow(
      `${layout.root} is owned by another lockd; stop that one first`,
    );
    await mine.release();
  });

  test('is given back where its owner cannot be written down', async () => {
    const layout = place();
    fs.mkdirSync(`${layout.owner}.tmp`);
    fs.writeFileSync(join(`${layout.owner}.tmp`, 'in the way'), '');
    await expect(claimDirectory(layout, () => undefined)).rejects.toThrow();
    expect(fs.existsSync(layout.daemonLock)).toBe(false);
    expect(descriptors(layout)).toEqual([]);
  });

  test('does not follow a symbolic link in place of the guard', async () => {
    const layout = place();
    const target = join(temporaryDirectory(), 'elsewhere');
    fs.symlinkSync(target, layout.guard);
    await expect(claimDirectory(layout, () => undefined)).rejects.toMatchObject({ code: 'ELOOP' });
    expect(fs.existsSync(target)).toBe(false);
  });
});

describe('without the command flock', () => {
  test('a directory is claimed with a warning', async () => {
    const layout = place();
    process.env.PATH = join(layout.root, 'nothing-here');
    const { claim: mine } = await claim(layout);
    expect(mine.warnings).toEqual([
      'The command flock (package util-linux) cannot be run, so that a start after a crash waits 10 s',
    ]);
    await mine.release();
  });

  test('what its own boot left behind is waited for: nobody knows that its owner is gone', async () => {
    const layout = place();
    leaveBehind(layout, BOOT, 0);
    process.env.PATH = join(layout.root, 'nothing-here');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const said: string[] = [];
    const claiming = claimDirectory(layout, (message) => said.push(message));
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), PATIENTLY);
    expect(said.length).toBe(1);
    fs.rmdirSync(layout.daemonLock);
    vi.advanceTimersByTime(500);
    await (await claiming).release();
  });
});

describe('a claim that is lost', () => {
  test.each<[string, (layout: Layout) => void]>([
    ['because daemon.lock was removed', (layout) => fs.rmdirSync(layout.daemonLock)],
    [
      'because another took daemon.lock over',
      (layout) => {
        const { mtimeMs } = fs.statSync(layout.daemonLock);
        fs.rmdirSync(layout.daemonLock);
        fs.mkdirSync(layout.daemonLock);
        fs.utimesSync(layout.daemonLock, new Date(), new Date(mtimeMs + 11_000));
      },
    ],
  ])('says so %s, and leaves what is there to the other', async (_, take) => {
    const layout = place();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { claim: mine } = await claim(layout);
    let lost: Error | undefined;
    void mine.lost.then((error) => {
      lost = error;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(lost).toBeUndefined();
    take(layout);
    const wasThere = fs.existsSync(layout.daemonLock);
    vi.advanceTimersByTime(5_000);
    expect(await mine.lost).toMatchObject({ code: 'ECOMPROMISED' });
    await mine.release();
    expect(fs.existsSync(layout.daemonLock)).toBe(wasThere);
    expect(descriptors(layout)).toEqual([]);
  });
});

describe('an owner', () => {
  test.each([
    ['this process', { boot: BOOT, host: hostname(), pid: process.pid, guarded: true }, true],
    [
      'a process of another boot',
      { boot: 'another', host: hostname(), pid: process.pid, guarded: true },
      false,
    ],
    ['a process that is gone', { boot: BOOT, host: hostname(), pid: 4_194_305, guarded: true }, false],
  ])('%s', (_, owner, runs) => expect(ownerIsRunning(owner)).toBe(runs));
});
