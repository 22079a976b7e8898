/** The commands of a lease, of the line and of the history against a real daemon: what they print, as text and as JSON. */
import { describe, expect, test } from 'vitest';
import { type Around, realDaemon, run, start } from './world.js';

const WHEN = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`;

/** A daemon, and command lines that reach it by LOCKD_URL. */
async function withDaemon() {
  const { url, lockd: service } = await realDaemon();
  const lockd = (words: readonly string[], around: Around = {}) =>
    run(words, { ...around, environment: { LOCKD_URL: url, ...around.environment } });
  /** The one line of an answer. */
  const told = async (...words: string[]) => (await lockd(words)).stdout.trimEnd();
  const token = async (...words: string[]) => (await lockd(['lock', ...words])).stdout.trim();
  return { url, service, lockd, told, token };
}

/** Resolves when so many wait for `r`. */
async function waiting(service: { status(resource: string): Promise<{ waiting: number }> }, count: number) {
  await expect.poll(async () => (await service.status('r')).waiting, { timeout: 25_000 }).toBe(count);
}

describe('a lease', () => {
  test('is granted, renewed, extended, changed, and shows what is left', async () => {
    const { lockd, told, token } = await withDaemon();
    const held = await token('r', 'A', '--ttl', '1h', '--note', 'why');
    expect(await told('renew', 'r', 'A', '--token', held)).toMatch(
      new RegExp(`^'r' is held by 'A' for another (59 min|1 h) \\(until ${WHEN}\\)$`),
    );
    expect(await told('extend', 'r', '2h', 'A', '--token', held)).toMatch(
      /^'r' is held by 'A' for another [23] h \(/,
    );
    expect(await told('renew', 'r', 'A', '--ttl', '5m')).toMatch(
      /^'r' is held by 'A' for another (4|5) min \(/,
    );
    const status = await told('status', 'r');
    expect(status).toMatch(new RegExp(`\n  lease      (4|5) min left of 5 min, until ${WHEN}\n`));
    expect(await told('list')).toMatch(new RegExp(`\nr +held +A +${WHEN} +[45] min +${held} +why$`));
    expect(await told('update', 'r', 'A', '--note', '')).toMatch(/^'r' is held by 'A' for another /);
    expect(await told('status', 'r')).not.toContain('note');
    const json = await lockd(['renew', 'r', 'A', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      resource: 'r',
      token: held,
      ttl: 300,
      left: expect.any(Number),
    });
  });

  test('that there is none', async () => {
    const { lockd, told } = await withDaemon();
    await lockd(['lock', 'r', 'A']);
    expect(await told('update', 'r', 'A', '--note', 'n')).toBe("'r' is held by 'A' until it is unlocked");
    expect(await lockd(['extend', 'r', '5m', 'A'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining("parameter 'seconds' cannot be added"),
    });
    expect(await told('renew', 'r', 'A', '--ttl', '30s')).toMatch(
      /^'r' is held by 'A' for another (29|30) s \(/,
    );
  });

  test('of somebody else, or with an old token', async () => {
    const { lockd } = await withDaemon();
    await lockd(['lock', 'r', 'A', '--ttl', '1h']);
    expect(await lockd(['renew', 'r', 'B'])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^Resource locked by 'A' cannot be renewed by 'B'\nHeld by 'A' since .*, lease left (59 min|1 h)\. /,
      ),
    });
    expect(await lockd(['extend', 'r', '1m', 'A', '--token', '1'])).toMatchObject({
      status: 76,
      stderr: expect.stringMatching(/^Token 1 is not the hold of 'A' on 'r'\n/),
    });
  });

  test('a hand-over prints the new token on standard error, and the old one counts nowhere', async () => {
    const { lockd, url, token, told } = await withDaemon();
    const old = await token('r', 'A', '--ttl', '1h');
    const handed = await lockd(['update', 'r', 'A', '--new-client', 'B', '--token', old]);
    expect(handed).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^'r' is held by 'B' for another /),
    });
    const [, now = ''] = /^Its token is (\d+)\. To unlock: /.exec(handed.stderr) ?? [];
    expect(handed.stderr).toBe(
      `Its token is ${now}. To unlock: lockd unlock r B --url ${url} --token ${now}\n`,
    );
    expect(BigInt(now)).toBeGreaterThan(BigInt(old));
    expect(await told('check', 'r', now)).toBe(`Token ${now} holds 'r'`);
    expect((await lockd(['check', 'r', old])).status).toBe(1);
  });
});

test('a hand-over to who holds or waits there already is refused, and says why', async () => {
  const { lockd, service, url } = await withDaemon();
  await lockd(['lock', 'r', 'A', '--limit', '2']);
  await lockd(['lock', 'r', 'B', '--limit', '2']);
  const toHolder = await lockd(['update', 'r', 'A', '--new-client', 'B']);
  expect(toHolder).toMatchObject({ status: 1, stdout: '' });
  expect(toHolder.stderr).toMatch(/^Resource already locked by 'B'\n.*Nobody holds a resource twice: /);
  const waiter = start(['lock', 'r', 'C', '--limit', '2', '--wait', '20s', '--url', url]);
  await waiting(service, 1);
  const toWaiter = await lockd(['update', 'r', 'A', '--new-client', 'C']);
  expect(toWaiter).toMatchObject({ status: 1, stdout: '' });
  expect(toWaiter.stderr).toMatch(
    /^'C' is already number 1 in the line for 'r'\n.*Who waits there gets it in turn: /,
  );
  await lockd(['unlock', 'r', 'A']);
  expect((await waiter.ended).status).toBe(0);
});

describe('check', () => {
  test('says yes and no', async () => {
    const { lockd, url, token } = await withDaemon();
    const held = await token('r', 'A');
    expect(await lockd(['check', 'r', held])).toEqual({
      status: 0,
      stdout: `Token ${held} holds 'r'\n`,
      stderr: '',
    });
    expect(await lockd(['check', 'r'], { environment: { LOCKD_TOKEN: held } })).toMatchObject({ status: 0 });
    await lockd(['unlock', 'r', 'A']);
    expect(await lockd(['check', 'r', held])).toEqual({
      status: 1,
      stdout: '',
      stderr: `Token ${held} is no current hold of 'r': stop the work of that token. To look: lockd status r --url ${url}\n`,
    });
    const json = await lockd(['check', 'r', held, '--json']);
    expect(json).toMatchObject({ status: 1, stderr: '' });
    expect(JSON.parse(json.stdout)).toEqual({ resource: 'r', token: held, current: false });
  });
});

describe('the line', () => {
  test('who waits gets the lock when it is given back, and was told for whom it waited', async () => {
    const { url, lockd, service, token } = await withDaemon();
    const held = await token('r', 'A', '--ttl', '1h');
    const waiter = start(['lock', 'r', 'B', '--wait', '20s', '--note', 'next', '--url', url]);
    await waiting(service, 1);
    const status = (await lockd(['status', 'r'])).stdout;
    expect(status).toMatch(
      new RegExp(`\n  waiting    1\n             1\\. B since ${WHEN} \\(\\d+ s ago\\), note: next\n`),
    );
    expect((await lockd(['list'])).stdout).toMatch(new RegExp(`\nr +held +A +.* 1 +${held}\n$`));
    const refused = await lockd(['lock', 'r', 'C']);
    expect(refused.stderr).toContain('. 1 waits in the line. To wait for it: lockd lock r C ');
    await expect.poll(() => waiter.written.stderr).toContain('Waiting for ');
    expect(waiter.written.stdout).toBe('');
    await lockd(['unlock', 'r', 'A', '--token', held]);
    const { status: exit, stdout, stderr } = await waiter.ended;
    expect(exit).toBe(0);
    expect(BigInt(stdout.trim())).toBeGreaterThan(BigInt(held));
    expect(stderr).toMatch(
      /^Waiting for 'r'\. Held by 'A' since .*, lease left (59 min|1 h)\. 'B' is number 1 of 1 in the line\n'r' is locked by 'B'\. /,
    );
  });

  test('gives up after its time, with 75 or the status that was asked for, and leaves no place', async () => {
    const { lockd, service, token } = await withDaemon();
    await token('r', 'A');
    const [gaveUp, conflict] = await Promise.all([
      lockd(['lock', 'r', 'B', '--wait', '300ms', '--json']),
      lockd(['lock', 'r', 'C', '--wait', '300ms', '--conflict-exit-code', '9']),
    ]);
    expect(gaveUp.status).toBe(75);
    expect(JSON.parse(gaveUp.stdout)).toMatchObject({ error: { name: 'timedOut', exitStatus: 75 } });
    expect(conflict.status).toBe(9);
    expect(conflict.stdout).toBe('');
    expect(conflict.stderr).toContain("'r' is still locked by 'A'");
    expect((await service.status('r')).waiting).toBe(0);
  });

  test('the same request gets the same hold', async () => {
    const { lockd, token } = await withDaemon();
    const held = await token('r', 'A', '--request', 'k');
    expect(await token('r', 'A', '--request', 'k')).toBe(held);
    expect(await lockd(['lock', 'r', 'A', '--request', 'k', '--limit', '2'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Request 'k' came before with other parameters (limit)"),
    });
    await lockd(['unlock', 'r', 'A']);
    expect(await lockd(['lock', 'r', 'A', '--request', 'k'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("The hold of request 'k' ended at "),
    });
  });
});

describe('history', () => {
  test('newest first, as a table', async () => {
    const { lockd, token } = await withDaemon();
    const first = await token('r', 'A', '--ttl', '1h');
    await lockd(['force-unlock', 'r', '--reason', 'gone']);
    const second = await token('r', 'B');
    await token('other', 'A');
    const { stdout, stderr } = await lockd(['history', 'r']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^TIME +EVENT +RESOURCE +CLIENT +TOKEN +BY +REASON$/);
    expect(lines[1]).toMatch(new RegExp(`^${WHEN}  granted +r +B +${second}$`));
    expect(lines[2]).toMatch(new RegExp(`^${WHEN}  forced +r +A +${first} +127\\.0\\.0\\.1 +gone$`));
    expect(lines[3]).toMatch(new RegExp(`^${WHEN}  granted +r +A +${first}$`));
    expect(lines).toHaveLength(4);
    expect(stderr).toBe('');
  });

  test('filtered, and by pages', async () => {
    const { lockd, token } = await withDaemon();
    for (const resource of ['a', 'b', 'c', 'd']) await token(resource, resource === 'd' ? 'D' : 'A');
    const shown = async (...words: string[]) => {
      const { stdout } = await lockd(['history', '--json', ...words], {
        environment: { LOCKD_CLIENT: 'nobody' },
      });
      return JSON.parse(stdout) as { id: string; resource: string }[];
    };
    const names = (events: { resource: string }[]) => events.map(({ resource }) => resource);
    expect(names(await shown())).toEqual(['d', 'c', 'b', 'a']);
    expect(names(await shown('--holder', 'D'))).toEqual(['d']);
    const page = await shown('--count', '2');
    expect(names(page)).toEqual(['d', 'c']);
    const last = page.at(-1)?.id ?? '';
    expect(names(await shown('--before', last))).toEqual(['b', 'a']);
    expect((await lockd(['history', '--count', '2'])).stderr).toBe(`For older events: --before ${last}\n`);
    expect(await lockd(['history', 'nothing'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'Nothing is known to have happened that matches\n',
    });
  });
});

describe('LOCKD_TOKEN within lockd run', () => {
  const within = (token: string) => ({
    environment: { LOCKD_CLIENT: 'A', LOCKD_RESOURCE: 'r', LOCKD_TOKEN: token },
  });

  test('stands for the token of calls about that resource', async () => {
    const { lockd, token } = await withDaemon();
    const held = await token('r', 'A', '--ttl', '1h');
    expect(await lockd(['check', 'r'], within(held))).toMatchObject({ status: 0 });
    expect(await lockd(['renew', 'r'], within('17'))).toMatchObject({ status: 76 });
    expect(await lockd(['unlock', 'r'], within(held))).toMatchObject({ status: 0 });
  });

  test('says nothing about another one, which the command may lock besides', async () => {
    const { lockd, token } = await withDaemon();
    const outer = within(await token('r', 'A', '--ttl', '1h'));
    expect(await lockd(['lock', 'other'], outer)).toMatchObject({ status: 0 });
    expect(await lockd(['update', 'other', '--note', 'why'], outer)).toMatchObject({ status: 0 });
    expect(await lockd(['unlock', 'other'], outer)).toMatchObject({ status: 0 });
    expect((await lockd(['check', 'other'], outer)).stderr).toMatch(
      /^error: Say which token of 'other' to check/,
    );
  });
});
