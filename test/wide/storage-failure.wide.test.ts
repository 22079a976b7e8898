/**
 * Storage that fails under a running daemon in ways that it survives: what is held stays held, what cannot be saved is
 * refused by name, `/healthz` fails and says why, and gets well with the disk. And those that it must not survive.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { call, callOnce, listHolds, succeeded } from '../crash/clients.js';
import { eventually } from '../crash/eventually.js';
import { type RunningDaemon, serve } from '../daemon.js';
import { Wire } from '../http/wire.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { Disk, run } from './mounts.js';

/** Milliseconds: lock files are compared with the table once a minute. */
const A_MINUTE_MS = 75_000;

async function health({ url }: RunningDaemon) {
  const response = await fetch(`${url}/healthz`);
  const { problems } = (await response.json()) as { problems: string[] };
  return { status: response.status, problems };
}

function newest(directory: string, start: string): string {
  const [name = ''] = readdirSync(join(directory, '.lockd'))
    .filter((one) => one.startsWith(start))
    .sort()
    .reverse();
  return join(directory, '.lockd', name);
}

interface Failure {
  readonly name: string;
  readonly begin: (directory: string) => void;
  readonly end: (directory: string) => void;
  /** Of the refusal, and of `/healthz`. */
  readonly code: string;
}

const IMMUTABLE: readonly Failure[] = [
  {
    name: 'the journal',
    begin: (directory) => void run('chattr', '+i', newest(directory, 'journal-')),
    end: (directory) => void run('chattr', '-i', newest(directory, 'journal-')),
    code: 'EPERM',
  },
  {
    name: 'the folder of the slots',
    begin: (directory) => void run('chattr', '+i', newest(directory, 'slots-')),
    end: (directory) => void run('chattr', '-i', newest(directory, 'slots-')),
    code: 'EPERM',
  },
];

/**
 * Locks one resource after another until no slot is left that was used before: the next lock needs a new one. A freed slot
 * rests for a moment before it can be used again. Answers what is locked.
 */
async function useUpSlots(wire: Wire, directory: string): Promise<string[]> {
  const folder = newest(directory, 'slots-');
  const held: string[] = [];
  const isUnused = (name: string) => statSync(join(folder, name)).nlink === 1;
  do {
    held.push(`held-${held.length}`);
    succeeded(await call(wire, 'lock', held.at(-1) ?? '', 'A'));
    await sleep(100);
  } while (readdirSync(folder).some(isUnused));
  return held;
}

/** Locks are refused while it lasts, whoever holds one keeps it, and all is well afterwards without a restart. */
async function survives(running: RunningDaemon, { begin, end, code }: Failure): Promise<void> {
  const { directory, url } = running;
  const wire = await Wire.to(url);
  const held = await useUpSlots(wire, directory);
  expect(await health(running)).toEqual({ status: 200, problems: [] });
  begin(directory);
  try {
    for (let time = 0; time < 2; time += 1) {
      const refused = await call(wire, 'lock', `new-${time}`, 'B');
      const text = expect.stringMatching(new RegExp(`cannot be written \\(${code}.*nothing was changed$`));
      expect(refused).toMatchObject({ fault: { code: 15, text } });
      // Asked twice: that something else can be written is no reason to be well.
      for (let look = 0; look < 2; look += 1) {
        const { status, problems } = await health(running);
        expect({ status, problems }).toMatchObject({
          status: 503,
          problems: [expect.stringContaining(code)],
        });
      }
    }
    expect((await listHolds(url)).map(({ resource }) => resource).sort()).toEqual([...held].sort());
  } finally {
    end(directory);
  }
  expect(await health(running)).toEqual({ status: 200, problems: [] });
  for (const resource of held) succeeded(await call(wire, 'unlock', resource, 'A'));
  succeeded(await call(wire, 'lock', 'new-1', 'B'));
  wire.socket.destroy();
  await running.daemon.kill();
  const next = await serve([], directory);
  expect((await listHolds(next.url)).map(({ resource }) => resource)).toEqual(['new-1']);
}

describeWith(['root', 'mkfs.ext4', 'chattr'], 'made immutable while it runs', () => {
  test.each(IMMUTABLE)('$name', async (failure) => {
    await survives(await serve([], join(new Disk('ext4', 16).path, 'locks')), failure);
  });

  test('the lock directory: locks hold without their files, and get them within a minute after', async () => {
    const running = await serve([], join(new Disk('ext4', 16).path, 'locks'));
    run('chattr', '+i', running.directory);
    try {
      succeeded(await callOnce(running.url, 'lock', 'a', 'A'));
      expect(await health(running)).toMatchObject({
        status: 503,
        problems: [expect.stringMatching(/lock file of 'a' is not as it should be \(EPERM/)],
      });
    } finally {
      run('chattr', '-i', running.directory);
    }
    await eventually('well again', async () => (await health(running)).status === 200, A_MINUTE_MS);
    expect(readdirSync(running.directory)).toContain('a.lock');
  });
});

describeWith(['root', 'setpriv'], 'a daemon that may not write any more (EACCES)', () => {
  test('to its slots: refused by name, and well again', async () => {
    const directory = join(temporaryDirectory(), 'locks');
    mkdirSync(directory);
    chmodSync(join(directory, '..'), 0o755);
    chownSync(directory, 12_345, 12_345);
    const through = ['setpriv', '--reuid', '12345', '--regid', '12345', '--clear-groups'];
    const running = await serve([], directory, { through });
    await survives(running, {
      name: 'slots',
      begin: () => chmodSync(newest(directory, 'slots-'), 0o500),
      end: () => chmodSync(newest(directory, 'slots-'), 0o700),
      code: 'EACCES',
    });
  });
});

describeWith(['root', 'mkfs.ext4'], 'a directory that is taken away', () => {
  const away = [
    { name: 'moved', take: (directory: string) => renameSync(directory, `${directory}-moved`) },
    { name: 'removed', take: (directory: string) => rmSync(directory, { recursive: true }) },
    {
      name: 'replaced by another',
      take: (directory: string) => {
        renameSync(directory, `${directory}-moved`);
        mkdirSync(directory, { mode: 0o700 });
      },
    },
  ];
  test.each(away)('$name: it answers nobody any more, and ends', async ({ name, take }) => {
    const directory = join(temporaryDirectory(), 'locks');
    const running = await serve([], directory);
    succeeded(await callOnce(running.url, 'lock', 'held', 'A'));
    take(directory);
    const said = await health(running).catch(() => undefined);
    if (said)
      expect(said).toMatchObject({
        status: 503,
        problems: [expect.stringMatching(/its journal was removed/)],
      });
    // Also if nobody asks for its health: a call has no answer.
    await expect(callOnce(running.url, 'lock', 'new', 'B')).rejects.toThrow();
    expect(await running.daemon.ended).toBe(1);
    expect(running.daemon.stderr).toMatch(/Stopped at once, answering nobody: /);
    if (name === 'removed') return;
    rmSync(directory, { recursive: true, force: true });
    renameSync(`${directory}-moved`, directory);
    const next = await serve([], directory);
    expect((await listHolds(next.url)).map(({ resource }) => resource)).toEqual(['held']);
  });
});
