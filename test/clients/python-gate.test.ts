/** `python3 lockd.py gate`: tokens at the resource, with no daemon. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { describeWith } from '../needs.js';
import { chooseSeed, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockdPy, outcome, script, startLockdPy, startScript } from './python-process.js';

const NOWHERE = 'http://127.0.0.1:1';

/** Races: 1,000 gates, times LOCKD_TEST_RUNS. */
const RUNS = Number(process.env.LOCKD_TEST_RUNS ?? 1);

function gate(file: string, token: string, ...words: string[]) {
  return lockdPy(['gate', file, token, ...words], NOWHERE);
}

/** A gate's file, not there yet. */
function gateFile(content?: string): string {
  const file = join(temporaryDirectory(), 'token');
  if (content !== undefined) writeFileSync(file, content);
  return file;
}

describeWith(['python3'], 'lockd.py gate', () => {
  test('lets rising tokens pass, the same one again, and no lower one', async () => {
    const file = gateFile();
    expect(await gate(file, '41', '--', 'echo', 'ran')).toEqual({ status: 0, stdout: 'ran\n', stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await gate(file, '041')).status).toBe(0);
    expect((await gate(file, '42', '--', 'sh', '-c', 'exit 3')).status).toBe(3);
    const refused = await gate(file, '41', '--', 'echo', 'ran');
    expect(refused).toEqual({
      status: 76,
      stdout: '',
      stderr: `Token 41 is stale: the gate ${file} has let token 42 pass. Stop the work of token 41; to go on with it, take the lock anew\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe('41\n42\n');
  });

  test('compares tokens of any length as whole numbers', async () => {
    const file = gateFile();
    const long = `1${'0'.repeat(5_000)}`;
    expect((await gate(file, '9')).status).toBe(0);
    expect((await gate(file, long)).status).toBe(0);
    expect((await gate(file, '9'.repeat(5_000))).status).toBe(76);
    expect((await gate(file, `000${long}`)).status).toBe(0);
    // The file has grown beyond its bounds, and is begun anew.
    expect((await gate(file, `2${'0'.repeat(5_000)}`)).status).toBe(0);
    expect(readFileSync(`${file}.old`, 'utf8')).toBe(`${long}\n`);
    expect(readFileSync(file, 'utf8')).toBe(`2${'0'.repeat(5_000)}\n`);
    expect((await gate(file, long)).status).toBe(76);
  });

  test.each([
    ['0', 1, /open:\/\//],
    ['000', 1, /open:\/\//],
    ['abc', 2, /must be decimal digits/],
    ['-1', 2, /./],
  ])('token %s is none', async (token, status, text) => {
    const file = gateFile();
    const refused = await gate(file, token);
    expect(refused.status).toBe(status);
    expect(refused.stderr).toMatch(text);
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    ['words', 'hello\n'],
    ['words that were cut', '4\nhello'],
    ['zero bytes within', '5\0\n'],
    ['a negative number', '-5\n'],
    ['too much', '1\n'.repeat(600_000)],
  ])('a file with %s lets nobody pass, and says how to mend it', async (_, content) => {
    const file = gateFile(content);
    const refused = await gate(file, '99999', '--', 'echo', 'ran');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(`echo TOKEN > ${file}`);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  test('the zero bytes that a crash may leave at the end count nothing', async () => {
    const file = gateFile('5\n\0\0\0');
    expect((await gate(file, '4')).status).toBe(76);
    expect((await gate(file, '6')).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('5\n6\n');
  });

  test('what is no file lets nobody pass', async () => {
    const directory = temporaryDirectory();
    expect((await gate(directory, '5')).status).toBe(1);
    expect((await gate('/dev/null', '5')).status).toBe(1);
    expect((await gate(join(directory, 'not', 'there'), '5')).status).toBe(1);
  });

  test('a write that was cut at any byte leaves the old token or the new one', async () => {
    const whole = '5\n12\n345\n';
    const file = gateFile();
    const { stdout } = await script(
      `
import lockd
for size in range(${whole.length + 1}):
    seen = [int(line) for line in ${JSON.stringify(whole)}[:size].split('\\n')[:-1]]
    highest = max(seen, default=0)
    for token in (highest - 1, highest, highest + 1):
        open(${JSON.stringify(file)}, 'w').write(${JSON.stringify(whole)}[:size])
        try: passed = token > 0 and lockd.gate(${JSON.stringify(file)}, str(token)).close() is None
        except lockd.GateClosed: passed = False
        assert passed == (token >= highest and token > 0), (size, token)
        content = open(${JSON.stringify(file)}).read()
        assert not passed or token == highest or content.endswith('\\n') and max(map(int, content.split())) == token, content
print('done')
`,
      NOWHERE,
    );
    expect(stdout).toBe('done\n');
  });

  test('between the two files of a new beginning the token is never forgotten', async () => {
    const file = gateFile('');
    writeFileSync(`${file}.old`, '70\n');
    expect((await gate(file, '69')).status).toBe(76);
    writeFileSync(file, '7');
    expect((await gate(file, '69')).status).toBe(76);
    expect((await gate(file, '71')).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('71\n');
    writeFileSync(file, '');
    writeFileSync(`${file}.old`, 'garbage\n');
    expect((await gate(file, '99')).status).toBe(1);
  });

  test(
    'gates in a race: admitted tokens never fall, and commands never overlap',
    async () => {
      const seed = chooseSeed();
      const random = randomFrom(seed);
      const file = gateFile();
      const log = `${file}.log`;
      const count = 500 * RUNS;
      // They rise slowly and cross all the time, so that each is refused now and then.
      const racers = [0, 1].map(() => {
        const tokens = Array.from({ length: count }, (_, index) => index + 1 + random(40));
        return startScript(
          `
import lockd, json
for token in json.loads(${JSON.stringify(JSON.stringify(tokens))}):
    status = lockd.main(['gate', ${JSON.stringify(file)}, str(token), '--', 'sh', '-c', 'echo + $1 >> $0; echo - $1 >> $0', ${JSON.stringify(log)}, str(token)])
    assert status in (0, 76), status
    print(status)
`,
          NOWHERE,
        );
      });
      const outcomes = await Promise.all(racers.map(outcome));
      expect(
        outcomes.map(({ status }) => status),
        `seed ${seed}: ${outcomes.map(({ stderr }) => stderr.slice(-500))}`,
      ).toEqual([0, 0]);
      const passed = outcomes
        .flatMap(({ stdout }) => stdout.split('\n'))
        .filter((status) => status === '0').length;
      const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
      expect(lines).toHaveLength(2 * passed);
      expect(passed).toBeLessThan(2 * count);
      let before = 0;
      for (let index = 0; index < lines.length; index += 2) {
        const token = Number(lines[index]?.slice(2));
        expect([lines[index], lines[index + 1]], `seed ${seed}`).toEqual([`+ ${token}`, `- ${token}`]);
        expect(token, `seed ${seed}`).toBeGreaterThanOrEqual(before);
        before = token;
      }
    },
    300_000 * RUNS,
  );

  test('the gate stays closed when gate alone is killed, and opens when the command is gone', async () => {
    const file = gateFile();
    const first = startLockdPy(['gate', file, '5', '--', 'sh', '-c', 'echo $$; exec sleep 20'], NOWHERE);
    const [pid] = await first.wrote('stdout', /\d+/);
    first.child.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    const busy = await gate(file, '6', '--wait', '300ms', '--', 'echo', 'ran');
    expect(busy).toMatchObject({ status: 75, stdout: '' });
    expect(busy.stderr).toContain('Gave up after 0.3 s');
    const since = performance.now();
    process.kill(Number(pid), 'SIGKILL');
    expect(await gate(file, '6', '--', 'echo', 'ran')).toMatchObject({ status: 0, stdout: 'ran\n' });
    expect(performance.now() - since).toBeLessThan(10_000);
  });

  test('what a command leaves behind does not keep the gate closed', async () => {
    const file = gateFile();
    const first = await gate(file, '5', '--', 'sh', '-c', 'sleep 20 >/dev/null 2>&1 & echo $!');
    expect(await gate(file, '5', '--wait', '0')).toMatchObject({ status: 0 });
    process.kill(Number(first.stdout), 'SIGKILL');
  });

  test('a token that was refused has not been recorded, one that could not be written neither', async () => {
    const file = gateFile('5\n');
    const text = `
import lockd, os
def full(*_): raise OSError(28, 'No space left on device')
os.pwrite = full
try: lockd.gate(${JSON.stringify(file)}, '6')
except lockd.GateRefused as refused: print(refused)
`;
    const { stdout } = await script(text, NOWHERE);
    expect(stdout).toContain('cannot be used (No space left on device): nobody may pass');
    expect(readFileSync(file, 'utf8')).toBe('5\n');
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)('%s is passed on', async (signal) => {
    const words = [
      'sh',
      '-c',
      `trap 'echo got it; exit 5' ${signal.slice(3)}; echo begun; while :; do sleep 0.05; done`,
    ];
    const started = startLockdPy(['gate', gateFile(), '5', '--', ...words], NOWHERE);
    await started.wrote('stdout', /begun/);
    started.child.kill(signal);
    expect(await outcome(started)).toMatchObject({ status: 5, stdout: 'begun\ngot it\n' });
  });

  test.each([
    [['--', '/etc/passwd'], 126],
    [['--', '/nowhere/nothing'], 127],
    [['--', 'sh', '-c', 'kill -KILL $$'], 137],
  ])('exit status of %s', async (words, status) => {
    expect((await gate(gateFile(), '5', ...words)).status).toBe(status);
  });
});
