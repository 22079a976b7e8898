/** `lockd migrate`: what comes along, what is refused, and that there are never two truths, wherever it dies. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../src/disk/layout.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { inspectDirectory } from '../../src/service/fsck.js';
import { Lockd } from '../../src/service/lockd.js';
import { lookAtPrefix } from '../../src/store/etcd/filling.js';
import { Keys } from '../../src/store/etcd/keys.js';
import { FakeKv, type Fault } from '../etcd/fake-kv.js';
import { crashCopy, newestSegment, temporaryDirectory } from '../store/fixture.js';
import { begin, FENCE_ALL, lockFiles, outcome } from './fixture.js';
import { rounds } from './manual-clock.js';
import { MemberCluster, PREFIX, STORE } from './member-fixture.js';
import { Died, lead, Mortal, migrate, past, QuickClock, seen } from './migrate-fixture.js';
import { quickDisk } from './quick-disk.js';

/** What a daemon alone would go on with. */
async function seenAlone(directory: string): Promise<unknown> {
  return seen((await begin({ directory: crashCopy(directory), fence: FENCE_ALL })).lockd);
}

function contentOf(cluster: MemberCluster) {
  const clock = new QuickClock();
  return lookAtPrefix({
    ...{ kv: new FakeKv(cluster.etcd), keys: new Keys(PREFIX), assert: () => undefined },
    monotonic: () => clock.monotonic(),
    pause: (milliseconds) => new Promise((done) => void clock.after(milliseconds, done)),
  });
}

describe('what comes along', () => {
  test('is all that is locked, and what is remembered of what was', async () => {
    const { directory, tokens } = await past();
    const before = await seenAlone(directory);
    const cluster = new MemberCluster();
    const migration = await migrate(directory, new FakeKv(cluster.etcd));
    expect(migration).toMatchObject({
      ...{ directory, store: STORE, wasMoved: false },
      moved: { holds: 6, places: 1, losses: 1, retryKeys: 1, history: { isComplete: true } },
      kept: join(directory, '.lockd/migrated'),
    });
    const { member, runners } = await lead(cluster);
    expect(member.id).toBe(migration.id);
    expect(await seen(member)).toEqual(before);
    // Being fenced: whoever leads runs the command.
    expect(runners[0]?.running).toEqual([Number(tokens.L)]);
    expect(await member.check('leased', tokens.A as string)).toBe(true);
    expect(await member.unlock('leased', 'A', { token: tokens.A as string })).toBe(true);
    // A repeat with its key is the same hold; one with a key that is used up does not lock again.
    expect(await member.lock('keyed', 'K', { request: 'key-1' })).toMatchObject({ token: tokens.K });
    expect(await outcome(member.lock('used', 'U', { request: 'key-2' }))).toContain('key-2');
    await member.unlock('line', 'H');
    expect((await member.wait('line', 'W', 0))?.client).toBe('W');
  });

  test('tokens and the ids of events go on rising', async () => {
    const { directory, tokens } = await past();
    const { lockd } = await begin({ directory: crashCopy(directory), fence: FENCE_ALL });
    const history = await lockd.history({ count: 1_000 });
    const cluster = new MemberCluster();
    await migrate(directory, new FakeKv(cluster.etcd));
    const { member } = await lead(cluster);
    expect(await member.history({ count: 1_000 })).toEqual(history);
    const { token } = await member.lock('new', 'N');
    expect(Number(token)).toBeGreaterThan(Math.max(...Object.values(tokens).map(Number)));
    const [newest, ...others] = await member.history({ count: 1_000 });
    expect(newest).toMatchObject({ event: 'granted', resource: 'new' });
    expect(others).toEqual(history);
    const [turn, last] = [newest, history[0]].map((event) => Number(event?.id.split('.')[0]));
    expect(turn).toBe((last as number) + 1);
  });

  test('a token that was given and is not remembered is not given again', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    const { moved } = await migrate(directory, new FakeKv(cluster.etcd), {
      clock: Object.assign(new QuickClock(), { time: () => Date.UTC(2036, 0, 1) }),
    });
    expect(moved?.nextToken).toBe(Date.UTC(2036, 0, 1) * 1_000);
    const { member } = await lead(cluster);
    expect(Number((await member.lock('new', 'N')).token)).toBeGreaterThanOrEqual(moved?.nextToken ?? 0);
  });

  test('of the history only what fits, newest first, and the rest stays', async () => {
    const { directory } = await past();
    const { lockd } = await begin({ directory: crashCopy(directory), fence: FENCE_ALL });
    const history = await lockd.history({ count: 1_000 });
    const cluster = new MemberCluster();
    const { moved, kept } = await migrate(directory, new FakeKv(cluster.etcd), {
      retention: { historyBytes: 1_000 },
    });
    expect(moved?.history.isComplete).toBe(false);
    const { member } = await lead(cluster);
    const found = await member.history({ count: 1_000 });
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(history.slice(0, found.length));
    expect(found.length).toBeLessThan(history.length);
    expect(fs.readdirSync(kept as string).length).toBeGreaterThan(0);
  });

  test('none of the history that is too old', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    const { moved } = await migrate(directory, new FakeKv(cluster.etcd), {
      clock: Object.assign(new QuickClock(), { time: () => Date.UTC(2027, 0, 1) }),
    });
    expect(moved?.history).toEqual({ turns: 0, isComplete: false });
  });

  test('more records than one transaction takes, and turns greater than those of etcd', async () => {
    const { lockd, directory } = await begin();
    const names = Array.from({ length: 400 }, (_, index) => `resource-${index}`);
    await Promise.all(names.map((name) => lockd.lock(name, 'A')));
    const left = crashCopy(directory);
    const cluster = new MemberCluster();
    const { moved } = await migrate(left, new FakeKv(cluster.etcd));
    expect(moved).toMatchObject({ holds: 400, history: { isComplete: true } });
    const { member } = await cluster.stand('a');
    expect(await member.list()).toHaveLength(400);
    expect(await member.history({ count: 1_000 })).toHaveLength(400);
  });
});

describe('the directory afterwards', () => {
  test('does not serve by itself, and shows the locks of whoever leads', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    await migrate(directory, new FakeKv(cluster.etcd));
    expect(lockFiles(directory)).toEqual([]);
    await expect(Lockd.open(directory)).rejects.toThrow(`The locks of ${directory} are saved in ${STORE}`);
    expect((await inspectDirectory(directory)).ok).toBe(true);
    const { member } = await cluster.stand('a', { directory, fence: FENCE_ALL });
    expect(member.leader.isUs).toBe(true);
    expect(lockFiles(directory)).toHaveLength(5);
  });

  test('migrated again, there is nothing left to do, and nothing is changed', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    const { id } = await migrate(directory, new FakeKv(cluster.etcd));
    const { member } = await lead(cluster);
    await member.unlock('leased', 'A');
    expect(await migrate(directory, new FakeKv(cluster.etcd))).toMatchObject({ id, wasMoved: true });
    expect((await member.status('leased')).state).toBe('free');
  });
});

describe('refused', () => {
  const refusal = async (directory: string, cluster = new MemberCluster(), given = {}) => {
    const { revision } = cluster.etcd;
    const error = await migrate(directory, new FakeKv(cluster.etcd), given).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(StartRefused);
    expect(cluster.etcd.revision).toBe(revision);
    return (error as Error).message;
  };

  test('a directory whose daemon runs', async () => {
    const directory = temporaryDirectory();
    const lockd = await Lockd.open(directory);
    await expect(
      migrate(directory, new FakeKv(), { claim: (await import('../../src/disk/claim.js')).claimDirectory }),
    ).rejects.toThrow(`${directory} is owned by another lockd (process ${process.pid}`);
    await lockd.close();
  });

  test('a directory in which no lockd has run', async () => {
    const directory = temporaryDirectory();
    expect(await refusal(directory)).toContain(
      `no lockd has served ${directory}, and there is nothing to move`,
    );
    fs.mkdirSync(new Layout(directory).own);
    expect(await refusal(directory)).toContain(`no lockd has served ${directory}`);
  });

  test('a journal that is damaged, naming fsck', async () => {
    const { directory } = await past();
    const segment = newestSegment(directory);
    const lines = fs.readFileSync(segment, 'utf8').split('\n');
    lines[1] = 'x';
    fs.writeFileSync(segment, lines.join('\n'));
    const text = await refusal(directory);
    expect(text).toContain('The journal is damaged');
    expect(text).toContain(`lockd fsck ${directory}`);
  });

  test('lock files that wait to be adopted, and those that nobody can read', async () => {
    const { directory } = await past();
    fs.writeFileSync(join(directory, 'foreign.lock'), 'F');
    fs.writeFileSync(join(directory, 'odd.lock'), Buffer.from([0xff, 0xfe, 0x00]));
    const text = await refusal(directory);
    expect(text).toContain(`${directory}/foreign.lock ('foreign' of 'F')`);
    expect(text).toContain(`${directory}/odd.lock ('odd' of '?', since it cannot be read)`);
    expect(text).toContain('Start lockd there once');
  });

  test('a prefix that has anything in it', async () => {
    const { directory } = await past();
    const used = new MemberCluster();
    const { member } = await used.stand('a');
    await member.lock('r', 'A');
    await member.close();
    expect(await refusal(directory, used)).toContain(
      `${STORE} is not empty: daemons have served from there, up to turn 1. Give another prefix`,
    );
    for (const key of ['id', 'leader', 'turn', 'record/hold/r/A', 'history/0000000000000001']) {
      const cluster = new MemberCluster();
      cluster.etcd.transact({
        compare: [],
        success: [{ kind: 'put', key: `${PREFIX}/${key}`, value: 'x' }],
      });
      expect(await refusal(directory, cluster)).toContain(`there is ${PREFIX}/${key}`);
    }
    expect((await begin({ directory, fence: FENCE_ALL })).lockd.recoveredLocks).toBe(6);
  });

  test('a prefix to which another directory is being moved', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    const mortal = new Mortal(5);
    await expect(
      migrate(directory, mortal.kv(new FakeKv(cluster.etcd)), { disk: mortal.disk(quickDisk) }),
    ).rejects.toThrow(Died);
    const other = await past();
    expect(await refusal(other.directory, cluster)).toContain(`${directory} are being moved there`);
  });

  test('another place than the one to which it was half moved', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    fs.writeFileSync(new Layout(directory).storeMarker, '{"store":"etcd://elsewhere/x","id":"i"}');
    expect(await refusal(directory, cluster)).toContain(
      `run it again: lockd migrate --directory ${directory} --store etcd://elsewhere/x`,
    );
  });

  test('a directory that says that its locks are there, where they are not', async () => {
    const { directory } = await past();
    fs.writeFileSync(new Layout(directory).storeMarker, JSON.stringify({ store: STORE, id: 'gone' }));
    expect(await refusal(directory)).toContain('what is there now has nothing of them');
  });

  test('a directory of a member, which has no locks of its own', async () => {
    const cluster = new MemberCluster();
    const { member, directory } = await cluster.open('a');
    await member.close();
    expect(await refusal(directory, cluster)).toContain(`${directory} has no locks of its own`);
  });

  test('fence commands of the last daemon that cannot be ended', async () => {
    const { directory, tokens } = await past();
    fs.writeFileSync(new Layout(directory).fenceFile(Number(tokens.L)), '');
    const text = await refusal(directory, new MemberCluster(), {
      makeFenceRunner: () => ({
        end: () => Promise.reject(new Error('it does not die')),
        close: async () => undefined,
      }),
    });
    expect(text).toContain(`The fence command of token ${tokens.L} could not be ended: it does not die`);
  });

  test('a dry run, in nothing but that it changes nothing', async () => {
    const { directory } = await past();
    const before = fs.readdirSync(join(directory, '.lockd'));
    const cluster = new MemberCluster();
    const { moved, kept } = await migrate(directory, new FakeKv(cluster.etcd), { dryRun: true });
    expect(moved).toMatchObject({ holds: 6, places: 1, history: { isComplete: true } });
    expect(kept).toBeUndefined();
    expect(await contentOf(cluster)).toEqual({ kind: 'empty' });
    expect(fs.readdirSync(join(directory, '.lockd'))).toEqual(before);
  });
});

describe('etcd that does not answer', () => {
  const FAULTS: Fault[] = [
    'never',
    'settledApplied',
    'settledNotApplied',
    'unknownApplied',
    'unknownNotApplied',
  ];

  test.each(FAULTS)('each request once, %s: it is asked again', async (fault) => {
    const { directory } = await past();
    const before = await seenAlone(directory);
    const cluster = new MemberCluster();
    const kv = new FakeKv(cluster.etcd);
    let count = 0;
    kv.onRequest = () => {
      count += 1;
      return count % 2 === 1 ? fault : undefined;
    };
    expect((await migrate(directory, kv)).moved?.holds).toBe(6);
    expect(await seen((await lead(cluster)).member)).toEqual(before);
  });

  test('what arrives late changes nothing', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    const kv = new FakeKv(cluster.etcd);
    let count = 0;
    kv.onRequest = () => {
      count += 1;
      return count % 2 === 1 ? 'unknownLater' : undefined;
    };
    await migrate(directory, kv);
    const { member } = await lead(cluster);
    await member.unlock('leased', 'A');
    const before = await seen(member);
    await kv.applyLate();
    await member.lock('new', 'N');
    await member.unlock('new', 'N');
    const next = await lead(cluster, 'b');
    await member.close();
    await cluster.clock.advance(10_000);
    expect(await seen(next.member)).toEqual(before);
  });

  test('for half a minute: it gives up, and the directory is as it was', async () => {
    const { directory } = await past();
    const kv = new FakeKv();
    kv.onRequest = () => 'unknownNotApplied';
    await expect(migrate(directory, kv)).rejects.toThrow(
      `The locks of ${directory} could not be moved to ${STORE}: faulty: unknownNotApplied. ` +
        'Nothing is lost; mend that, and run lockd migrate again',
    );
    expect((await begin({ directory, fence: FENCE_ALL })).lockd.recoveredLocks).toBe(6);
  });

  test('a member that is elected meanwhile waits until all is there', async () => {
    const { directory } = await past();
    const before = await seenAlone(directory);
    const cluster = new MemberCluster();
    const kv = new FakeKv(cluster.etcd);
    // At the end all is written, and the mark is there still.
    let early: Awaited<ReturnType<typeof lead>> | undefined;
    let requests = 0;
    kv.onRequest = async () => {
      requests += 1;
      if (requests !== 6) return undefined;
      early = await lead(cluster);
      expect(early.member.leader.isUs).toBe(false);
      expect(early.log.join()).toContain(`${directory} are being moved here`);
      return undefined;
    };
    await migrate(directory, kv);
    await cluster.clock.advance(40_000);
    expect(await seen((early as NonNullable<typeof early>).member)).toEqual(before);
  });
});

describe('wherever it dies', () => {
  /** The steps of a move that nothing interrupts. */
  async function stepsOf(directory: string): Promise<number> {
    const mortal = new Mortal();
    await migrate(crashCopy(directory), mortal.kv(new FakeKv()), { disk: mortal.disk(quickDisk) });
    return mortal.steps;
  }

  test('at most one of both can serve, and run again it moves everything', { timeout: 120_000 }, async () => {
    const { directory: original } = await past();
    const before = await seenAlone(original);
    const steps = await stepsOf(original);
    expect(steps).toBeGreaterThan(20);
    const served = { alone: 0, neither: 0, there: 0 };
    for (let step = 0; step < steps * 2; step += 1) {
      const directory = crashCopy(original);
      const cluster = new MemberCluster();
      const mortal = new Mortal(step >> 1, step % 2 === 1);
      const run = migrate(directory, mortal.kv(new FakeKv(cluster.etcd)), { disk: mortal.disk(quickDisk) });
      await run.then(
        () => expect(step).toBe(steps * 2),
        (error: unknown) => expect(error).toBeInstanceOf(Died),
      );
      await rounds();
      const isThere = (await contentOf(cluster)).kind === 'used';
      const isAlone = await Lockd.open({ directory: crashCopy(directory), disk: quickDisk }).then(
        async (lockd) => {
          await lockd.close();
          return true;
        },
        () => false,
      );
      expect(isThere && isAlone, `step ${step}`).toBe(false);
      served[isThere ? 'there' : isAlone ? 'alone' : 'neither'] += 1;

      expect(await migrate(directory, new FakeKv(cluster.etcd)), `step ${step}`).toMatchObject({
        wasMoved: isThere,
      });
      const { member } = await lead(cluster);
      expect(await seen(member), `step ${step}`).toEqual(before);
      await member.close();
      expect(lockFiles(directory)).toEqual([]);
      expect((await inspectDirectory(directory)).ok).toBe(true);
    }
    // The steps of all three kinds were met.
    expect(Math.min(...Object.values(served))).toBeGreaterThan(0);
  });

  test('a daemon that is started on it in between says what to do', async () => {
    const { directory } = await past();
    fs.writeFileSync(new Layout(directory).storeMarker, JSON.stringify({ store: STORE, id: 'i' }));
    const text = `which was not finished; run it again: lockd migrate --directory ${directory} --store ${STORE}`;
    await expect(Lockd.open(directory)).rejects.toThrow(text);
    await expect(new MemberCluster().open('a', { directory })).rejects.toThrow(text);
    const { findings, ok } = await inspectDirectory(directory);
    expect(ok).toBe(false);
    expect(findings.map((finding) => finding.text).join()).toContain(text);
  });

  test('a daemon that served on before it is run again has its later locks moved too', async () => {
    const { directory } = await past();
    const cluster = new MemberCluster();
    const mortal = new Mortal(8);
    await expect(
      migrate(directory, mortal.kv(new FakeKv(cluster.etcd)), { disk: mortal.disk(quickDisk) }),
    ).rejects.toThrow(Died);
    const alone = await begin({ directory, fence: FENCE_ALL });
    await alone.lockd.unlock('leased', 'A');
    await alone.lockd.lock('later', 'Z');
    await alone.lockd.close();
    const before = await seenAlone(directory);
    await migrate(directory, new FakeKv(cluster.etcd));
    expect(await seen((await lead(cluster)).member)).toEqual(before);
  });
});
