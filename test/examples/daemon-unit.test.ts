/** lockd.service: the daemon under systemd, as far as that can be seen without one. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Caller } from '../crash/caller.js';
import { callOnce } from '../crash/clients.js';
import { eventually } from '../crash/eventually.js';
import { lockd, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { exampleText, Workplace } from './workplace.js';

const UNIT = exampleText('lockd.service');

describeWith(['systemd-analyze'], 'the unit', () => {
  function unit() {
    const place = new Workplace();
    const path = place.path('lockd.service');
    writeFileSync(path, UNIT.replaceAll('/usr/local/bin/', `${place.bin}/`));
    return { place, path };
  }

  test('systemd finds nothing wrong with it', () => {
    const { place, path } = unit();
    const { status, stderr } = place.run(['systemd-analyze', 'verify', path]);
    const ours = stderr.split('\n').filter((line) => line.includes('lockd.service'));
    expect({ status, ours }).toEqual({ status: 0, ours: [] });
  });

  test('systemd finds the daemon well protected, and the rest well protected from it', () => {
    const { place, path } = unit();
    const { stdout } = place.run(['systemd-analyze', 'security', '--offline=true', '--no-pager', path]);
    const exposure = Number(/Overall exposure level for lockd.service: ([\d.]+)/.exec(stdout)?.[1]);
    // From 0 to 10. What is left is what a server needs, and what a fence command most likely does: the network.
    expect(exposure).toBeLessThanOrEqual(2.5);
  });
});

test('the command lines of the unit are such that lockd takes them', async () => {
  const directory = temporaryDirectory();
  const config = join(directory, 'lockd.json');
  writeFileSync(config, '{"listen": "127.0.0.1:0"}');
  const lines = [...UNIT.matchAll(/^Exec\w+=\/usr\/local\/bin\/lockd (.*)$/gm)].map(([, words = '']) =>
    words
      .replace('/etc/lockd.json', config)
      .replace(/\$\{STATE_DIRECTORY\}/, join(directory, 'state'))
      .split(' '),
  );
  expect(lines).toHaveLength(2);
  for (const words of lines) {
    const checks = words.includes('--check-config') ? words : [...words, '--check-config'];
    expect(await lockd(checks)).toMatchObject({ status: 0 });
  }
  expect(existsSync(join(directory, 'state'))).toBe(false);
});

const NOTIFIED = fileURLToPath(new URL('./notified.py', import.meta.url));

/** A service manager's socket, and the messages that came, without those that only ask whether it reads. */
async function manager() {
  const socket = join(temporaryDirectory(), 'notify');
  const listener = spawn('python3', [NOTIFIED, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void listener.kill('SIGKILL'));
  let said = '';
  listener.stdout.on('data', (chunk) => {
    said += chunk;
  });
  await eventually('the service manager listens', () => said.includes('ready\n'));
  const messages = () =>
    said
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as string[])
      .filter(([first]) => first !== 'BARRIER=1');
  return { socket, messages };
}

describeWith(['python3', 'systemd-notify'], 'Type=notify', () => {
  test('ready when it serves, again after a reload, and stopping; nobody else is let to speak for it', async () => {
    const { socket, messages } = await manager();
    const place = new Workplace();
    place.program('fence', `echo "\${NOTIFY_SOCKET-none}" >"${place.path('seen')}"`);
    const { daemon, url } = await serve(['--fence-command', join(place.bin, 'fence')], temporaryDirectory(), {
      variables: { NOTIFY_SOCKET: socket },
    });
    await eventually('READY=1', () => messages().length === 1);
    expect(messages()[0]).toEqual(['READY=1', `STATUS=Listens at ${url}`]);
    await callOnce(url, 'lock', 'r', 'A');

    daemon.child.kill('SIGHUP');
    await eventually('a reload', () => messages().length === 3);
    const [, reloading, again] = messages();
    expect(reloading).toEqual(['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d+$/)]);
    expect(again?.[0]).toBe('READY=1');
    await callOnce(url, 'unlock', 'r', 'A');

    const caller = await Caller.to(url);
    await caller.lock('r', 'A', { ttl: 0.1 });
    await eventually('a fence command', () => existsSync(place.path('seen')));
    await eventually('what it saw', () => place.read('seen') === 'none\n');

    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    await eventually('STOPPING=1', () => messages().length === 4);
    expect(messages()[3]).toEqual(['STOPPING=1']);
  });

  test('a service manager that is gone holds nothing up', async () => {
    const { daemon, url } = await serve([], temporaryDirectory(), {
      variables: { NOTIFY_SOCKET: join(temporaryDirectory(), 'nobody') },
    });
    await callOnce(url, 'lock', 'r', 'A');
    await daemon.wrote(
      'stderr',
      /systemd could not be told READY=1: systemd-notify ended with exit status 1/,
    );
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
  });

  test('nor does a host without systemd-notify', async () => {
    const { daemon, url } = await serve([], temporaryDirectory(), {
      variables: { NOTIFY_SOCKET: '/run/nobody', PATH: temporaryDirectory() },
    });
    await callOnce(url, 'lock', 'r', 'A');
    await daemon.wrote('stderr', /systemd could not be told READY=1: systemd-notify cannot be run/);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
  });
});

test('without a service manager, SIGHUP is the terminal that was closed', async () => {
  const { daemon } = await serve();
  daemon.child.kill('SIGHUP');
  expect(await daemon.ended).toBe('SIGHUP');
});
