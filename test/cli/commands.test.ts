/** Each command against a real daemon: what it prints, as text and as JSON. */
import { writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.js';
import { type Around, realDaemon, run, serviceBehindHttp } from './world.js';

const ME = `${userInfo().username}@${hostname()}`;
const WHEN = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`;
const AGO = String.raw`${WHEN} \(\d+ s ago\)`;

/** A daemon, and command lines that reach it by LOCKD_URL. */
async function withDaemon() {
  const daemon = await realDaemon();
  const environment = { LOCKD_URL: daemon.url };
  return {
    ...daemon,
    lockd: (words: readonly string[], around: Around = {}) =>
      run(words, { ...around, environment: { ...environment, ...around.environment } }),
  };
}

describe('lock and unlock', () => {
  test('the token alone on standard output, all else on standard error', async () => {
    const { lockd, url } = await withDaemon();
    const locked = await lockd(['lock', 'deploy/prod', '--note', 'release 4.2']);
    expect(locked.status).toBe(0);
    expect(locked.stdout).toMatch(/^\d+\n$/);
    const token = locked.stdout.trim();
    expect(locked.stderr).toBe(
      `'deploy/prod' is locked by '${ME}'. To unlock: lockd unlock deploy/prod ${ME} --url ${url} --token ${token}\n`,
    );
    const unlocked = await lockd(['unlock', 'deploy/prod', '--token', token]);
    expect(unlocked).toEqual({
      status: 0,
      stdout: `'deploy/prod' is no longer locked by '${ME}'\n`,
      stderr: '',
    });
  });

  test('the client: by word, flag, variable, CI job', async () => {
    const { lockd } = await withDaemon();
    const client = async (words: readonly string[], environment: Record<string, string> = {}) => {
      const { stdout } = await lockd(['lock', ...words, '--json'], { environment });
      return JSON.parse(stdout).client;
    };
    expect(await client(['r1', 'word'], { LOCKD_CLIENT: 'variable' })).toBe('word');
    expect(await client(['r2', '--client', 'flag'], { LOCKD_CLIENT: 'variable' })).toBe('flag');
    expect(await client(['r3'], { LOCKD_CLIENT: 'variable' })).toBe('variable');
    expect(await client(['r4'], { CI_JOB_ID: '4711' })).toBe(`${ME}:4711`);
    expect(await client(['r5', 'same', '--client', 'same'])).toBe('same');
  });

  test('as JSON', async () => {
    const { lockd } = await withDaemon();
    const locked = await lockd(['lock', 'r', 'A', '--limit', '2', '--json']);
    expect(JSON.parse(locked.stdout)).toMatchObject({
      resource: 'r',
      client: 'A',
      limit: 2,
      token: expect.any(String),
    });
    expect(locked.stderr).toBe('');
    const unlocked = await lockd(['unlock', 'r', 'A'], { environment: { LOCKD_JSON: '1' } });
    expect(JSON.parse(unlocked.stdout)).toEqual({ resource: 'r', client: 'A', unlocked: true });
  });

  test('a resource that looks like an option', async () => {
    const { lockd } = await withDaemon();
    expect((await lockd(['lock', '--', '-r', 'A'])).status).toBe(0);
    expect((await lockd(['unlock', '--', '-r', 'A'])).status).toBe(0);
  });
});

describe('force-unlock', () => {
  test('the only holder', async () => {
    const { lockd } = await withDaemon();
    await lockd(['lock', 'r', 'A']);
    const forced = await lockd(['force-unlock', 'r', '--reason', 'gone']);
    expect(forced).toEqual({ status: 0, stdout: "'r' was unlocked by force\n", stderr: '' });
    const told = await lockd(['unlock', 'r', 'A']);
    expect(told.status).toBe(76);
    expect(told.stderr).toContain("'A' lost 'r' (token ");
    expect(told.stderr).toContain(': gone. Stop work on it\n');
  });

  test('with a token, not the hold that the holder got meanwhile', async () => {
    const { lockd } = await withDaemon();
    const { token } = JSON.parse((await lockd(['lock', 'r', 'A', '--json'])).stdout);
    const earlier = String(Number(token) - 1);
    const refused = await lockd(['force-unlock', 'r', '--token', earlier, '--reason', 'gone']);
    expect(refused.status).toBe(76);
    expect(refused.stderr).toContain(`Token ${earlier} is not the hold of 'A' on 'r'`);
    expect((await lockd(['force-unlock', 'r', 'A', '--token', token, '--reason', 'gone'])).status).toBe(0);
  });

  test('one of several must be named', async () => {
    const { lockd, url } = await withDaemon();
    await lockd(['lock', 'r', 'A', '--limit', '2']);
    await lockd(['lock', 'r', 'B', '--limit', '2']);
    expect(await lockd(['force-unlock', 'r', '--reason', 'gone'])).toEqual({
      status: 2,
      stdout: '',
      stderr: `error: 'r' has 2 holders: name one with --holder. To see them: lockd status r --url ${url}\n`,
    });
    const refused = await lockd(['force-unlock', 'r', '--reason', 'gone', '--json']);
    expect(refused).toMatchObject({ status: 2, stderr: '' });
    expect(JSON.parse(refused.stdout)).toEqual({
      error: { message: expect.stringMatching(/^'r' has 2 holders: name one/), exitStatus: 2 },
    });
    expect(await lockd(['force-unlock', 'r', 'A', '--reason', 'gone'])).toMatchObject({
      status: 0,
      stdout: "'r' was unlocked by force; 'A' lost it\n",
    });
    const json = await lockd(['force-unlock', 'r', '--holder', 'B', '--reason', 'gone', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ resource: 'r', holder: 'B', forced: true });
  });
});

describe('status', () => {
  test('of a resource', async () => {
    const { lockd } = await withDaemon();
    await lockd(['lock', 'r', 'A', '--note', 'why']);
    const { stdout } = await lockd(['status', 'r']);
    expect(stdout).toMatch(
      new RegExp(
        `^r: held\n  holder     A\n  since      ${AGO}\n  lease      none: held until it is unlocked\n  token      \\d+\n` +
          '  from       127\\.0\\.0\\.1:\\d+\n  note       why\n  file       /.*/r\\.lock\n$',
      ),
    );
  });

  test('of a free one, of a shared one', async () => {
    const { lockd } = await withDaemon();
    expect((await lockd(['status', 'r'])).stdout).toMatch(
      /^r: free\n {2}file {7}\/.*\/r\.lock \(not there at present\)\n$/,
    );
    await lockd(['lock', 'r', 'A', '--limit', '3']);
    await lockd(['lock', 'r', 'B', '--limit', '3']);
    expect((await lockd(['status', 'r'])).stdout).toMatch(
      /^r: held\n {2}holders {4}2 of at most 3\n {2}holder {5}A\n/,
    );
    expect(JSON.parse((await lockd(['status', 'r', '--json'])).stdout)).toMatchObject({ held: 2, limit: 3 });
  });

  test('of one whose lock file cannot be read', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'r.lock'), '{"lockd":1');
    const { url } = await realDaemon(directory);
    const { stdout } = await run(['status', 'r', '--url', url]);
    expect(stdout).toMatch(/^r: unreadable\n {2}file {7}\/.*\/r\.lock\n {2}The file cannot be read\. /);
    expect(stdout).toContain(`lockd force-unlock r --url ${url} --reason WHY\n`);
    expect((await run(['list', '--url', url])).stdout).toMatch(
      /\nr +unreadable +\? +look at \/.*\/r\.lock\n$/,
    );
  });

  test('without a resource: of the daemon', async () => {
    const { lockd, url } = await withDaemon();
    const { stdout } = await lockd(['status']);
    expect(stdout).toMatch(
      new RegExp(
        `^lockd 0\\.1\\.0 at ${url}: ok\n  since      ${AGO}\n  directory  /.*\n  held       0\n  waiting    0\n  fencing    0\n$`,
      ),
    );
    expect(JSON.parse((await lockd(['status', '--json'])).stdout)).toMatchObject({
      url,
      version: '0.1.0',
      health: { status: 'ok', problems: [] },
    });
  });
});

describe('list', () => {
  test('nothing', async () => {
    const { lockd } = await withDaemon();
    expect(await lockd(['list'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'Nothing is locked that matches\n',
    });
    expect(await lockd(['list', '--json'])).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
  });

  test('an aligned table, one row for each holder', async () => {
    const { lockd } = await withDaemon();
    const long = `deploy/${'x'.repeat(300)}`;
    await lockd(['lock', long, 'A']);
    await lockd(['lock', '名', 'A', '--limit', '2', '--note', 'why']);
    await lockd(['lock', '名', 'with space', '--limit', '2']);
    const lines = (await lockd(['list'])).stdout.split('\n');
    const gap = ' '.repeat(long.length - 2);
    expect(lines[0]).toMatch(
      /^RESOURCE {301}STATE {2}HOLDER {6}SINCE {20}LEASE {2}WAITING {2}TOKEN {13}NOTE$/,
    );
    expect(lines[1]).toMatch(new RegExp(`^${long}  held   A           ${WHEN} {18}\\d{16}$`));
    expect(lines[2]).toMatch(new RegExp(`^名${gap}  held   A           ${WHEN} {18}\\d{16}  why$`));
    expect(lines[3]).toMatch(new RegExp(`^名${gap}  held   with space  ${WHEN} {18}\\d{16}$`));
  });

  test('filtered, and by pages', async () => {
    const { lockd } = await withDaemon();
    for (const resource of ['a', 'b1', 'b2', 'c'])
      await lockd(['lock', resource, resource === 'c' ? 'C' : 'A']);
    const listed = async (...words: string[]) => {
      const { stdout } = await lockd(['list', '--json', ...words], {
        environment: { LOCKD_CLIENT: 'nobody' },
      });
      return JSON.parse(stdout).map(({ resource }: { resource: string }) => resource);
    };
    expect(await listed()).toEqual(['a', 'b1', 'b2', 'c']);
    expect(await listed('--prefix', 'b')).toEqual(['b1', 'b2']);
    expect(await listed('--holder', 'C')).toEqual(['c']);
    expect(await listed('--state', 'unreadable')).toEqual([]);
    expect(await listed('--count', '2')).toEqual(['a', 'b1']);
    expect(await listed('--count', '2', '--after', 'b1')).toEqual(['b2', 'c']);
  });
});

test('ping names the leader of a cluster, which answers', async () => {
  const stats = { ...(await (await realDaemon()).lockd.stats()), leader: 'http://a.example:7420' };
  const url = await serviceBehindHttp({ stats: async () => stats });
  expect((await run(['ping', '--url', url])).stdout).toMatch(
    / ms, and leads its cluster as http:\/\/a\.example:7420\n$/,
  );
  expect(JSON.parse((await run(['ping', '--url', url, '--json'])).stdout)).toMatchObject({
    leader: stats.leader,
  });
  expect((await run(['stats', '--url', url])).stdout).toMatch(/^leader +http:\/\/a\.example:7420$/m);
  stats.leader = url;
  expect((await run(['ping', '--url', url])).stdout).toMatch(/ ms, and leads its cluster\n$/);
});

test('stats and ping', async () => {
  const { lockd, url } = await withDaemon();
  await lockd(['lock', 'r', 'A']);
  expect((await lockd(['stats'])).stdout).toMatch(/^version +0\.1\.0\nstarted +.* UTC\n(.*\n)*grants +1\n/);
  expect(JSON.parse((await lockd(['stats', '--json'])).stdout)).toMatchObject({ held: 1, connections: 1 });
  expect((await lockd(['ping'])).stdout).toMatch(
    new RegExp(`^lockd 0\\.1\\.0 answers at ${url} in [\\d.]+ ms\n$`),
  );
  expect(JSON.parse((await lockd(['ping', '--json'])).stdout)).toEqual({
    url,
    version: '0.1.0',
    milliseconds: expect.any(Number),
  });
});

test('fsck explains a directory', async () => {
  const directory = temporaryDirectory();
  const { status, stdout } = await run(['fsck', directory]);
  expect(status).toBe(0);
  expect(stdout).toContain(`No lockd has run in ${directory} yet`);
  expect(JSON.parse((await run(['fsck', directory, '--json'])).stdout)).toMatchObject({
    ok: true,
    findings: [{ level: 'note' }],
  });
});

describe('the configuration file', () => {
  test('serves all commands, whose keys it may mix', async () => {
    const { url } = await realDaemon();
    const path = join(temporaryDirectory(), 'lockd.json');
    writeFileSync(path, JSON.stringify({ url, client: 'file', limit: 2, listen: ['127.0.0.1:1'] }));
    const locked = await run(['lock', 'r', '--json', '--config', path]);
    expect(JSON.parse(locked.stdout)).toMatchObject({ client: 'file', limit: 2 });
    expect((await run(['ping'], { environment: { LOCKD_CONFIG: path } })).status).toBe(0);
  });

  test('unknown keys are refused', async () => {
    const path = join(temporaryDirectory(), 'lockd.json');
    writeFileSync(path, '{"lissten": "127.0.0.1:1"}');
    expect(await run(['serve', '--config', path])).toMatchObject({
      status: 2,
      stderr: `error: Unknown key 'lissten' in ${path}; did you mean 'listen'?\n`,
    });
  });
});

describe('colours', () => {
  const ESCAPE = '\u001b[';
  test.each<{ around: Around; coloured: boolean }>([
    { around: {}, coloured: false },
    { around: { isTTY: true }, coloured: true },
    { around: { isTTY: true, environment: { NO_COLOR: '1' } }, coloured: false },
    { around: { isTTY: true, environment: { TERM: 'dumb' } }, coloured: false },
  ])('$around', async ({ around, coloured }) => {
    const { lockd } = await withDaemon();
    const { stdout } = await lockd(['status', 'r'], around);
    expect(stdout.includes(ESCAPE)).toBe(coloured);
    const { stderr } = await lockd(['unlock', 'r', 'A'], around);
    expect(stderr.includes(ESCAPE)).toBe(coloured);
  });
});
