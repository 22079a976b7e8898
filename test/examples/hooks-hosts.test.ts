/** The examples that tie something to one host: failover, a systemd unit, a guest of libvirt, and the fence command. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Caller } from '../crash/caller.js';
import { eventually } from '../crash/eventually.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { example, exampleText, type Variables, Workplace } from './workplace.js';

/** A management board for each host: off ends every process that has the mark in the file HOST-ipmi. */
const IPMITOOL = `
while [ "$1" != -H ]; do shift; done
case $* in
  *' power off')
    for environ in $(grep -lzx "$(cat "$BOARDS/$2")" /proc/[0-9]*/environ 2>/dev/null); do
      process=\${environ#/proc/}
      kill -s KILL "\${process%/environ}" 2>/dev/null
    done
    echo off >>"$BOARDS/$2.off"
    echo 'Chassis Power Control: Down/Off'
    ;;
  *' power status') if [ -e "$BOARDS/$2.off" ]; then echo 'Chassis Power is off'; else echo 'Chassis Power is on'; fi ;;
esac`;

/** Writes which host it serves on, again and again. */
const SERVICE = `#!/bin/sh
while :; do
  echo "$HOST $LOCKD_TOKEN" >>"$DATA/log"
  sleep 0.05
done
`;

describe('failover.sh', () => {
  test('a host that hangs is switched off before the other one starts, and its token passes no more', async () => {
    const place = new Workplace();
    place.program('ipmitool', IPMITOOL);
    const { url } = await serve(['--fence', `failover/*=${example('fence-host.sh')}`], temporaryDirectory(), {
      variables: { PATH: `${place.bin}:${process.env.PATH}`, BOARDS: place.directory },
    });
    place.url = url;
    const data = place.path('data');
    mkdirSync(data);
    place.localProgram('service', SERVICE);
    const start = (host: string) =>
      place.start([example('failover.sh'), data, '--', './service'], { HOST: host, DATA: data, TTL: '2s' });
    const log = () => (existsSync(`${data}/log`) ? place.read('data/log').trimEnd().split('\n') : []);

    const one = start('one');
    writeFileSync(place.path('one-ipmi'), one.mark);
    await eventually('one serves', async () => log().length > 0);
    const two = start('two');
    await eventually('two waits', async () => (await place.story(`failover/${data}`)).includes('queued two'));

    one.signal('SIGSTOP');
    await eventually('two serves', async () => log().at(-1)?.startsWith('two ') ?? false);
    const lines = log().map((line) => line.split(' '));
    const [old = '', next = ''] = [lines[0]?.[1], lines.at(-1)?.[1]];
    expect(await one.ended).toBe('SIGKILL');
    expect(place.read('one-ipmi.off')).toBe('off\n');
    const first = lines.findIndex(([host]) => host === 'two');
    expect(lines.slice(first).every(([host]) => host === 'two')).toBe(true);
    expect(lines.slice(0, first).every(([host]) => host === 'one')).toBe(true);
    expect(BigInt(next)).toBeGreaterThan(BigInt(old));

    // Who is in the gate is not overtaken, with whatever token.
    expect(place.run(['lockd', 'gate', `${data}/token`, next, '--wait', '0.2']).status).toBe(75);
    two.child.kill('SIGTERM');
    await two.ended;
    expect(place.run(['lockd', 'gate', `${data}/token`, old, '--', 'touch', 'late']).status).toBe(76);
    expect(existsSync(place.path('late'))).toBe(false);
    expect(place.run(['lockd', 'gate', `${data}/token`, next]).status).toBe(0);
    expect(await place.story(`failover/${data}`)).toEqual([
      'granted one',
      'queued two',
      'expired one',
      'fencing one',
      'fenced one',
      'granted two',
      'unlocked two',
    ]);
  });
});

describe('fence-host.sh', () => {
  function fence(client: string, ipmitool: string) {
    const place = new Workplace();
    place.program('ipmitool', `echo "$*" >>calls\n${ipmitool}`);
    place.program('sleep', 'exit 0');
    const ran = place.run([example('fence-host.sh')], { LOCKD_CLIENT: client });
    return {
      ...ran,
      calls: existsSync(place.path('calls')) ? place.read('calls').trimEnd().split('\n') : [],
    };
  }

  test('succeeds when the board says that the host is off, whatever it said before', () => {
    const { status, calls } = fence(
      'host7',
      'case $* in *status) echo "Chassis Power is off" ;; *) exit 1 ;; esac',
    );
    expect(status).toBe(0);
    const board = '-I lanplus -H host7-ipmi -U fence -f /etc/lockd/ipmi-password chassis power';
    expect(calls).toEqual([`${board} off`, `${board} status`]);
  });

  test.each([
    ['is still on', 'echo "Chassis Power is on"'],
    ['cannot be asked', 'exit 1'],
  ])('fails when the host %s', (_, ipmitool) => {
    const { status, stderr, calls } = fence('host7', ipmitool);
    expect(status).toBe(1);
    expect(stderr).toContain('host7 is not off yet\n');
    expect(calls).toHaveLength(6);
  });

  test.each(['', '-h', 'a b', 'a;b', '../a', 'user@host'])('a client called %j is no host', (client) => {
    const { status, stderr, calls } = fence(client, 'echo "Chassis Power is off"');
    expect({ status, calls }).toEqual({ status: 1, calls: [] });
    expect(stderr).toContain('is no host');
  });
});

describe('app.service', () => {
  const UNIT = exampleText('app.service');

  /** The command lines of one kind, as systemd reads them; whether their failure counts. */
  function commands(place: Workplace, kind: string, host: string) {
    const lines = UNIT.split('\n').filter((line) => line.startsWith(`${kind}=`));
    expect(lines.length).toBeGreaterThan(0);
    return lines.map((line) => {
      const [, ignored, command = ''] = /^\w+=(-?)(.*)$/.exec(line) ?? [];
      const script = command
        .replaceAll('%H', host)
        .replaceAll('$$', '$')
        .replaceAll('/run/app', place.path(host))
        .replaceAll('/usr/local/bin/', '');
      return { script, counts: ignored === '' };
    });
  }

  /** Runs them one after another, up to one that fails; answers its status. */
  function run(place: Workplace, kind: string, host: string): number | null {
    for (const { script, counts } of commands(place, kind, host)) {
      const { status } = place.run(['sh', '-c', script], environmentFile(place, host));
      if (counts && status !== 0) return status;
    }
    return 0;
  }

  function environmentFile(place: Workplace, host: string): Variables {
    const file = place.path(`${host}/lock`);
    if (!existsSync(file)) return {};
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    return Object.fromEntries(lines.map((line) => line.split('=')));
  }

  test('takes the lock before the start, and gives it back after the stop', async () => {
    const { url } = await serve();
    const place = new Workplace(url);
    place.program('app', 'echo "$LOCKD_TOKEN" >token');
    mkdirSync(place.path('host7'));
    expect(run(place, 'ExecStartPre', 'host7')).toBe(0);
    expect(run(place, 'ExecStart', 'host7')).toBe(0);
    expect(place.read('host7/lock')).toBe(`LOCKD_TOKEN=${place.read('token')}`);
    expect(place.read('token')).toMatch(/^\d{16}\n$/);
    expect(run(place, 'ExecStopPost', 'host7')).toBe(0);
    expect(await place.story('service/app')).toEqual(['granted host7', 'unlocked host7']);
  });

  test('after a power cut the host takes its lock anew', async () => {
    const { url } = await serve();
    const place = new Workplace(url);
    mkdirSync(place.path('host7'));
    expect(run(place, 'ExecStartPre', 'host7')).toBe(0);
    expect(run(place, 'ExecStartPre', 'host7')).toBe(0);
    expect(await place.story('service/app')).toEqual(['granted host7', 'unlocked host7', 'granted host7']);
  });

  test('does not start where another host has the lock, nor takes it away when it stops', async () => {
    const { url } = await serve();
    const place = new Workplace(url);
    const caller = await Caller.to(url);
    await caller.lock('service/app', 'host8');
    mkdirSync(place.path('host7'));
    const lock = commands(place, 'ExecStartPre', 'host7').at(-1)?.script ?? '';
    const start = place.start(['sh', '-c', lock]);
    await eventually('host7 waits', async () => (await caller.status('service/app')).waiting === 1);
    // Systemd gives up on it.
    start.signal('SIGTERM');
    expect(await start.ended).toBe('SIGTERM');
    await eventually('host7 has left', async () => (await caller.status('service/app')).waiting === 0);
    expect(run(place, 'ExecStopPost', 'host7')).toBe(0);
    expect((await caller.status('service/app')).holders).toMatchObject([{ client: 'host8' }]);
    caller.close();
  });

  test('systemd finds nothing wrong with it', ({ skip }) => {
    const isThere = spawnSync('systemd-analyze', ['--version']).status === 0;
    if (!isThere && process.env.LOCKD_TEST_REQUIRE === undefined) skip('needs systemd-analyze');
    const place = new Workplace();
    place.program('app', 'exit 0');
    const unit = place.path('app.service');
    writeFileSync(unit, UNIT.replaceAll('/usr/local/bin/', `${place.bin}/`));
    const { status, stderr } = place.run(['systemd-analyze', 'verify', unit]);
    const ours = stderr.split('\n').filter((line) => line.includes('app.service'));
    expect({ status, ours }).toEqual({ status: 0, ours: [] });
  });
});

test('libvirt-hook.sh: a guest runs on one host at a time', async () => {
  const { url } = await serve();
  const place = new Workplace(url);
  place.program('uname', 'echo "$HOST"');
  const hook = (host: string, operation: string, step: string) =>
    place.run([example('libvirt-hook.sh'), 'guest1', operation, step, '-'], { HOST: host });
  expect(hook('host1', 'prepare', 'begin')).toMatchObject({ status: 0, stdout: '' });
  expect(hook('host1', 'started', 'begin').status).toBe(0);
  const refused = hook('host2', 'prepare', 'begin');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("Resource already locked by 'host1'");
  // The one that was refused ends its preparations, too.
  expect(hook('host2', 'release', 'end').status).toBe(1);
  expect(hook('host1', 'release', 'end').status).toBe(0);
  expect(hook('host2', 'prepare', 'begin').status).toBe(0);
  // It starts again after a power cut.
  expect(hook('host2', 'prepare', 'begin').status).toBe(0);
  const story = ['granted host1', 'unlocked host1', 'granted host2', 'unlocked host2', 'granted host2'];
  expect(await place.story('guest/guest1')).toEqual(story);
});

describeWith(['flock'], 'the scripts among the examples', () => {
  test.each([
    'deploy.sh',
    'failover.sh',
    'fence-host.sh',
    'git-update-hook.sh',
    'libvirt-hook.sh',
    'with-device.sh',
  ])('%s is POSIX shell', (name) => {
    expect(spawnSync('sh', ['-n', example(name)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});
