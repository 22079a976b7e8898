/** What may stand in the place of a lock file when the daemon starts, and directories that are no good place for locks. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { callOnce, succeeded } from '../crash/clients.js';
import { serve, startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { structOf } from '../xmlrpc/documents.js';
import { mountTmpfs, run } from './mounts.js';

const NOBODY = 65_534;

/** How each is made at a path. */
const UNREADABLE: Readonly<Record<string, (path: string) => void>> = {
  empty: (path) => writeFileSync(path, ''),
  torn: (path) => writeFileSync(path, '{\n  "lockd": 1,\n  "directory": "4781f952-cd2c'),
  garbage: (path) => writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a])),
  'only zeros': (path) => writeFileSync(path, Buffer.alloc(300)),
  huge: (path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 30);
  },
  fifo: (path) => run('mkfifo', path),
  symlink: (path) => symlinkSync('/etc/hostname', path),
  'dangling symlink': (path) => symlinkSync('/nowhere', path),
  directory: (path) => mkdirSync(path),
  'directory with something in it': (path) => mkdirSync(join(path, 'inside'), { recursive: true }),
  socket: (path) =>
    run('python3', '-c', `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`),
  device: (path) => run('mknod', path, 'c', '1', '5'),
};

const REASON = structOf({ reason: 'looked at it' });

async function state(url: string, resource: string): Promise<unknown> {
  const status = succeeded(await callOnce(url, 'status', resource));
  return status instanceof Map ? status.get('state') : status;
}

describeWith(['root', 'python3'], 'in the place of a lock file', () => {
  test('each locks its resource by ?, and nothing else, until it is forced', async () => {
    const directory = temporaryDirectory();
    for (const [name, make] of Object.entries(UNREADABLE)) {
      make(join(directory, `${name.replaceAll(' ', '%20')}.lock`));
    }
    let { daemon, url } = await serve([], directory);
    // It has not read what is far too large to be a lock file.
    const io = readFileSync(`/proc/${daemon.child.pid}/io`, 'utf8');
    expect(Number(/^rchar: (\d+)$/m.exec(io)?.[1])).toBeLessThan(2 ** 28);
    succeeded(await callOnce(url, 'lock', 'another', 'A'));
    // Also a second start finds them so.
    await daemon.kill();
    ({ daemon, url } = await serve([], directory));
    for (const name of Object.keys(UNREADABLE)) {
      const path = join(directory, `${name.replaceAll(' ', '%20')}.lock`);
      expect(await state(url, name), name).toBe('unreadable');
      expect(await callOnce(url, 'lock', name, 'A'), name).toEqual({
        fault: {
          code: 12,
          text: `'${name}' is locked by '?': its lock file ${path} cannot be read. Look at it, then forceUnlock`,
        },
      });
      expect(await callOnce(url, 'unlock', name, 'A'), name).toMatchObject({ fault: { code: 12 } });
      succeeded(await callOnce(url, 'forceUnlock', name, REASON));
      expect(existsSync(path), name).toBe(false);
      succeeded(await callOnce(url, 'lock', name, 'A'));
      expect(await state(url, name), name).toBe('held');
    }
    await daemon.kill();
    ({ url } = await serve([], directory));
    for (const name of Object.keys(UNREADABLE)) expect(await state(url, name), name).toBe('held');
  });

  test('and while the daemon runs: the next lock meets it', async () => {
    const { url, directory } = await serve();
    for (const [name, make] of Object.entries(UNREADABLE)) {
      make(join(directory, `${name.replaceAll(' ', '%20')}.lock`));
      expect(await callOnce(url, 'lock', name, 'A'), name).toMatchObject({ fault: { code: 12 } });
      succeeded(await callOnce(url, 'forceUnlock', name, REASON));
      succeeded(await callOnce(url, 'lock', name, 'A'));
    }
  });

  test('in the place of the lock file of a held resource: it stays held by its holder', async () => {
    const first = await serve();
    for (const name of Object.keys(UNREADABLE)) succeeded(await callOnce(first.url, 'lock', name, 'A'));
    await first.daemon.kill();
    for (const [name, make] of Object.entries(UNREADABLE)) {
      const path = join(first.directory, `${name.replaceAll(' ', '%20')}.lock`);
      run('rm', path);
      make(path);
    }
    const { url } = await serve([], first.directory);
    for (const name of Object.keys(UNREADABLE)) {
      expect(await callOnce(url, 'lock', name, 'B'), name).toMatchObject({
        fault: { code: 1, text: "Resource already locked by 'A'" },
      });
      succeeded(await callOnce(url, 'unlock', name, 'A'));
      expect(existsSync(join(first.directory, `${name.replaceAll(' ', '%20')}.lock`)), name).toBe(false);
      succeeded(await callOnce(url, 'lock', name, 'B'));
    }
  });
});

/** A daemon that should say one line and end. */
async function refusal(directory: string, through: readonly string[] = []): Promise<string> {
  const daemon = startServe([], directory, { through });
  expect(await daemon.ended).toBe(1);
  expect(daemon.stdout).toBe('');
  const lines = daemon.stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

describeWith(['root', 'setpriv'], 'a directory', () => {
  const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

  test('that everybody can write to is refused', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o777);
    expect(await refusal(directory)).toBe(
      `Everybody can write to ${directory} (mode 0777), so that anybody could forge locks; run: chmod o-w ${directory}`,
    );
  });

  test('that belongs to another user is refused to whoever is not root, and root is warned', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    expect(await refusal(directory, asNobody)).toBe(
      `${directory} belongs to user 0, but lockd runs as user ${NOBODY}; run lockd as its owner, or chown it`,
    );
    chownSync(directory, NOBODY, NOBODY);
    const { daemon } = await serve([], directory);
    expect(daemon.stderr).toContain(`${directory} belongs to user ${NOBODY}, who can forge locks`);
  });

  test('of its own is all that an ordinary user needs', async () => {
    const directory = temporaryDirectory();
    chownSync(directory, NOBODY, NOBODY);
    const { url, daemon } = await serve([], directory, { through: asNobody });
    succeeded(await callOnce(url, 'lock', 'r', 'A'));
    const { stdout } = spawnSync('find', [directory, '!', '-uid', String(NOBODY)], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(daemon.records.map(({ level }) => level)).toEqual(['info']);
  });

  test('that an ordinary user cannot write to is refused', async () => {
    const directory = temporaryDirectory();
    chownSync(directory, NOBODY, NOBODY);
    chmodSync(directory, 0o500);
    expect(await refusal(directory, asNobody)).toMatch(/EACCES/);
  });

  test('by way of a symbolic link is its target, and that is said', async () => {
    const directory = temporaryDirectory();
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(directory, link);
    const { daemon, url } = await serve([], link);
    expect(daemon.stderr).toContain(`${link} is a symbolic link; the locks are in ${directory}`);
    succeeded(await callOnce(url, 'lock', 'r', 'A'));
    expect(existsSync(join(directory, 'r.lock'))).toBe(true);
    expect(await refusal(directory)).toMatch(/is owned by another lockd/);
  });

  test('in memory is warned about', async () => {
    const mount = mountTmpfs('size=4m');
    const { daemon } = await serve([], mount);
    expect(daemon.stderr).toContain(`${mount} lies in memory (tmpfs): a reboot frees every lock`);
  });
});
