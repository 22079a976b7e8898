/** `gate` of every implementation: who passes, what is on disk then, and that no two commands overlap. */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { descendsFrom, onTerminal, processesWith, until } from '../clients/shell-process.js';
import { COUNTS, countingSignals } from '../counting-signals.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { GATES, OWN_GATES, passGate, startGate } from './gates.js';

/** A gate's FILE with this content; without, it is not there yet. */
function gateFile(content?: string): string {
  const file = join(temporaryDirectory(), 'token');
  if (content !== undefined) fs.writeFileSync(file, content);
  return file;
}

const contentOf = (file: string) => fs.readFileSync(file, 'latin1');

describeWith(['flock'], 'gate', () => {
  describe.each(OWN_GATES)('%s', (_name, gate) => {
    test('lets rising tokens pass, the same one again, and no lower one', async () => {
      const file = gateFile();
      expect(await passGate(gate, file, '41', '--', 'echo', 'ran')).toEqual({
        status: 0,
        stdout: 'ran\n',
        stderr: '',
      });
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
      expect(await passGate(gate, file, '--token', '41', '--', 'echo', 'again')).toMatchObject({
        status: 0,
        stdout: 'again\n',
      });
      expect(await passGate(gate, file, '041')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect((await passGate(gate, file, '42', '--', 'sh', '-c', 'exit 3')).status).toBe(3);
      expect(await passGate(gate, file, '41', '--', 'echo', 'ran')).toEqual({
        status: 76,
        stdout: '',
        stderr: `Token 41 is stale: the gate ${file} has let token 42 pass. Stop the work of token 41; to go on with it, take the lock anew\n`,
      });
      expect(contentOf(file)).toBe('41\n42\n');
    });

    test('the token is in FILE before the command starts', async () => {
      const file = gateFile();
      const { stdout } = await passGate(gate, file, '41', '--', 'cat', file);
      expect(stdout).toBe('41\n');
    });

    test('compares tokens of any length as whole numbers', async () => {
      const file = gateFile();
      const long = `1${'0'.repeat(3_000)}`;
      const statuses: (number | NodeJS.Signals)[] = [];
      for (const token of [
        '9',
        '10',
        '9',
        '18446744073709551616',
        '18446744073709551615',
        '18446744073709551617',
        long,
        '9'.repeat(3_000),
        `00${long}`,
      ])
        statuses.push((await passGate(gate, file, token)).status);
      expect(statuses).toEqual([0, 0, 76, 0, 76, 0, 0, 76, 0]);
    });

    test.each([
      ['0', 1, /Token 0 is no fencing token: open:\/\//],
      ['000', 1, /Token 0 is no fencing token/],
      ['abc', 2, /must be decimal digits, as lock(?:d lock)? prints them, not 'abc'/],
      ['-1', 2, /option|decimal digits/],
      ['1e3', 2, /must be decimal digits/],
      ['', 2, /token/i],
    ])('token %j: exit status %i', async (token, status, text) => {
      const file = gateFile();
      const ran = await passGate(gate, file, token, '--', 'echo', 'ran');
      expect(ran).toMatchObject({ status, stdout: '' });
      expect(ran.stderr).toMatch(text);
      expect(fs.existsSync(file)).toBe(false);
    });

    test.each([
      ['an empty file', '', 0, '50\n'],
      ['a torn line', '49\n9', 0, '49\n50\n'],
      ['nothing but a torn line', '99', 0, '50\n'],
      ['zero bytes that a power cut left', '49\n5\0\0\0', 0, '49\n50\n'],
      ['empty lines', '\n\n49\n', 0, '\n\n49\n50\n'],
      ['lines out of order', '51\n49\n', 76, '51\n49\n'],
      ['the same token, and a torn line', '50\n9', 0, '50\n9'],
      ['leading zeros', '0051\n', 76, '0051\n'],
    ])('%s', async (_what, content, status, after) => {
      const file = gateFile(content);
      expect((await passGate(gate, file, '50')).status).toBe(status);
      expect(contentOf(file)).toBe(after);
    });

    test.each([
      'garbled\n',
      '49\n-1\n',
      '49\r\n',
      '4 9\n',
      '{"token": 49}',
      '49\n\0\n',
      '٤٩\n',
      '1'.repeat(1_100_000),
    ])('a FILE that has more in it than tokens lets nobody pass: %.20j', async (content) => {
      const file = gateFile(content);
      const before = contentOf(file);
      const { status, stdout, stderr } = await passGate(gate, file, '50', '--', 'echo', 'ran');
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(
        /cannot be read: it has more in it than tokens\. Nobody may pass\. Look at it; to mend it, write the highest/,
      );
      expect(contentOf(file)).toBe(before);
    });

    test('more than 4,096 bytes: FILE is begun anew, with the token in FILE.old until it has a line', async () => {
      const lines = Array.from({ length: 241 }, (_, at) => `${1_000_000_000_000_000 + at}\n`).join('');
      const file = gateFile(lines.slice(0, 4_096 - 17 + 1));
      expect(lines.length).toBeGreaterThan(4_096);
      expect((await passGate(gate, file, '2000000000000000')).status).toBe(0);
      expect(fs.existsSync(`${file}.old`)).toBe(false);
      expect(contentOf(file).length).toBe(4_097);
      expect((await passGate(gate, file, '1999999999999999')).status).toBe(76);
      expect((await passGate(gate, file, '2000000000000000')).status).toBe(0);
      expect(contentOf(file).length).toBe(4_097);
      expect((await passGate(gate, file, '2000000000000001')).status).toBe(0);
      expect(contentOf(file)).toBe('2000000000000001\n');
      expect(contentOf(`${file}.old`)).toBe('2000000000000000\n');
      expect(fs.readdirSync(dirname(file)).sort()).toEqual(['token', 'token.old']);
    });

    test.each([
      ['cut to nothing', ''],
      ['cut to nothing, the next line torn', '5'],
    ])('a crash while FILE is begun anew (%s): FILE.old counts', async (_what, content) => {
      const file = gateFile(content);
      fs.writeFileSync(`${file}.old`, '49\n');
      expect((await passGate(gate, file, '48')).status).toBe(76);
      expect((await passGate(gate, file, '49')).status).toBe(0);
      expect((await passGate(gate, file, '50')).status).toBe(0);
      expect(contentOf(file)).toBe('50\n');
      fs.writeFileSync(`${file}.old`, '99\n');
      expect((await passGate(gate, file, '51')).status).toBe(0);
    });

    test('a garbled FILE.old lets nobody pass where it counts', async () => {
      const file = gateFile('');
      fs.writeFileSync(`${file}.old`, 'x\n');
      expect(await passGate(gate, file, '50')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/token\.old/),
      });
    });

    test.each([
      ['a directory', (file: string) => fs.mkdirSync(file)],
      ['a place that is not there', (file: string) => fs.rmdirSync(dirname(file))],
      ['a link into nowhere', (file: string) => fs.symlinkSync('/nowhere/at/all', file)],
    ])('%s is no FILE', async (_what, make) => {
      const file = join(temporaryDirectory(), 'token');
      make(file);
      const { status, stderr } = await passGate(gate, file, '50', '--', 'echo', 'ran');
      expect(status).toBe(1);
      expect(stderr).toMatch(/^The gate .* cannot be used \(.+\): nobody may pass\. Mend that first\n$/);
    });

    test.each([
      ['it was not found', ['no-such-program'], 127],
      ['it cannot be run', ['/etc/passwd'], 126],
      ['a signal ended it', ['sh', '-c', 'kill -KILL $$'], 137],
    ])('exit status: %s', async (_why, command, status) => {
      const file = gateFile();
      expect((await passGate(gate, file, '50', '--', ...command)).status).toBe(status);
      expect((await passGate(gate, file, '51', '--wait', '0')).status).toBe(0);
    });

    test.each([
      ['SIGTERM', 143],
      ['SIGINT', 130],
      ['SIGHUP', 129],
    ] as const)('%s goes on to the command', async (signal, status) => {
      const file = gateFile();
      const running = startGate(gate, file, '50', '--', 'sh', '-c', 'echo up; exec sleep 30');
      await running.wrote('stdout', /up/);
      running.child.kill(signal);
      expect((await running.outcome).status).toBe(status);
      expect((await passGate(gate, file, '51', '--wait', '0')).status).toBe(0);
    });

    test('the command reads our input', async () => {
      const running = startGate(gate, gateFile(), '50', '--', 'cat');
      running.child.stdin?.end('typed');
      expect(await running.outcome).toEqual({ status: 0, stdout: 'typed', stderr: '' });
    });

    test('nobody else passes until the command has ended; a lower one that waited is refused then', async () => {
      const file = gateFile();
      const first = startGate(gate, file, '50', '--', 'sh', '-c', 'echo up; read line');
      await first.wrote('stdout', /up/);
      const bounded = await passGate(gate, file, '51', '--wait', '200ms', '--', 'echo', 'ran');
      expect(bounded).toMatchObject({ status: 75, stdout: '' });
      expect(bounded.stderr).toMatch(/^Gave up after 0\.2 s: somebody else's command is still in the gate /);
      const waiting = startGate(gate, file, '49', '--', 'echo', 'ran');
      const patient = startGate(gate, file, '52', '--wait', '20s', '--', 'echo', 'ran');
      first.child.stdin?.end('go on\n');
      expect((await first.outcome).status).toBe(0);
      expect(await waiting.outcome).toMatchObject({ status: 76, stdout: '' });
      expect(await patient.outcome).toMatchObject({ status: 0, stdout: 'ran\n' });
    });

    test('killed with -9, it leaves the lock with its command; then nobody is blocked', async () => {
      const file = gateFile();
      const mark = `mark-${process.pid}-${gate.length}-${gate[0]}`;
      const running = startGate(
        gate,
        file,
        '50',
        '--',
        'sh',
        '-c',
        `echo up; while :; do sleep 0.1; done # ${mark}`,
      );
      await running.wrote('stdout', /up/);
      running.child.kill('SIGKILL');
      await running.ended;
      const [command] = processesWith(`# ${mark}`).filter((pid) => pid !== running.child.pid);
      expect(await passGate(gate, file, '51', '--wait', '300ms')).toMatchObject({ status: 75 });
      process.kill(command ?? Number.NaN, 'SIGKILL');
      expect((await passGate(gate, file, '51', '--wait', '20s')).status).toBe(0);
    });

    test('a command that closes all descriptors stays in the gate', async () => {
      const file = gateFile();
      const running = startGate(
        gate,
        file,
        '50',
        '--',
        'bash',
        '-c',
        'for fd in {3..255}; do eval "exec $fd>&-"; done; echo up; read line',
      );
      await running.wrote('stdout', /up/);
      expect((await passGate(gate, file, '51', '--wait', '200ms')).status).toBe(75);
      running.child.stdin?.end('\n');
      expect((await running.outcome).status).toBe(0);
    });

    test('what a command has left behind does not stay in the gate', async () => {
      const file = gateFile();
      const left = await passGate(gate, file, '50', '--', 'sh', '-c', 'sleep 5 >/dev/null 2>&1 &');
      expect(left.status).toBe(0);
      expect((await passGate(gate, file, '51', '--wait', '0')).status).toBe(0);
    });

    test('a signal ends the waiting', async () => {
      const file = gateFile();
      const first = startGate(gate, file, '50', '--', 'sh', '-c', 'echo up; read line');
      await first.wrote('stdout', /up/);
      const second = startGate(gate, file, '51', '--', 'echo', 'ran');
      // Other tests run flock too, at the same time.
      await until(() => processesWith('flock\0-x').some((pid) => descendsFrom(pid, second.child.pid)));
      second.child.kill('SIGTERM');
      expect(await second.outcome).toMatchObject({ status: 143, stdout: '' });
      first.child.stdin?.end('\n');
      await first.outcome;
      expect(contentOf(file)).toBe('50\n');
    });
  });

  test.each(OWN_GATES)('%s: Ctrl-C on a terminal reaches the command once', async (_name, gate) => {
    const running = onTerminal([...gate, gateFile(), '50', '--', ...countingSignals('SIGINT')]);
    await running.wrote('stdout', COUNTS);
    running.child.stdin?.write('\x03');
    await running.wrote('stdout', /signals: 1\r/);
    expect((await running.outcome).status).toBe(0);
  });

  test('all implementations agree on one FILE', async () => {
    const file = gateFile();
    let token = 100;
    for (const [, one] of GATES) {
      for (const [, other] of GATES) {
        token += 2;
        const inside = startGate(one, file, String(token), '--', 'sh', '-c', 'echo up; read line');
        await inside.wrote('stdout', /up/);
        expect((await passGate(other, file, String(token + 1), '--wait', '0')).status).toBe(75);
        inside.child.stdin?.end('\n');
        expect((await inside.outcome).status).toBe(0);
        expect((await passGate(other, file, String(token - 1))).status).toBe(76);
        expect((await passGate(other, file, String(token + 1))).status).toBe(0);
      }
    }
    expect(contentOf(file)).toMatch(/^(\d+\n)+$/);
  }, 300_000);
});
