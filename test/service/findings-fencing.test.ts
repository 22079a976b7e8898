/** An operator's word that comes while a hold is being lost, as a reader found it: nothing may run for what is vouched for. */
import { describe, expect, test } from 'vitest';
import { FakeFenceRunner } from './fake-runner.js';
import { begin, FENCE_ALL, FULL, outcome, soFar, type TimedDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';

/** A runner that takes its time to find that nothing runs. */
class SlowFenceRunner extends FakeFenceRunner {
  #goOn: () => void = () => undefined;
  readonly #found = new Promise<void>((resolve) => {
    this.#goOn = resolve;
  });

  override async end(token: number): Promise<void> {
    await this.#found;
    await super.end(token);
  }

  found(): void {
    this.#goOn();
  }
}

const VOUCH = {
  confirmFenced: ({ lockd }: TimedDaemon) => lockd.confirmFenced('r', { reason: 'unplugged' }),
  'forceUnlock with fenced': ({ lockd }: TimedDaemon) =>
    lockd.forceUnlock('r', { reason: 'unplugged', fenced: true }),
};

/** A holds `r` for 10 s and never renews; B waits for it. */
async function heldByA(fenceRunner = new FakeFenceRunner()) {
  const begun = await begin({ fence: FENCE_ALL, fenceRunner });
  const daemon: TimedDaemon = { ...begun, runner: fenceRunner };
  const { token } = await daemon.lockd.lock('r', 'A', { ttl: 10 });
  const next = outcome(daemon.lockd.lock('r', 'B', { wait: 3_600 }));
  await daemon.clock.advance(9_999);
  return { daemon, token, next };
}

/** The lease of A ends, and its loss is being flushed. */
async function losing({ clock, held }: TimedDaemon) {
  held.hold();
  await clock.advance(1);
  await held.held();
}

describe.each(Object.entries(VOUCH))('%s', (_, vouch) => {
  test('while the loss is being flushed: the command never starts, and the next is granted', async () => {
    const { daemon, token, next } = await heldByA();
    await losing(daemon);
    const word = outcome(vouch(daemon));
    await rounds();
    daemon.held.release();
    expect(await word).toBe(true);
    expect(await next).toMatchObject({ client: 'B' });
    await daemon.clock.advance(100_000);
    expect(daemon.runner.runs).toEqual([]);
    expect(daemon.runner.forgotten).toEqual([Number(token)]);
    expect(await outcome(daemon.lockd.renew('r', 'A', { token }))).toMatch(/^8: /);
  });

  test('while the hold lived, and its lease ended before the decision: the same', async () => {
    const runner = new SlowFenceRunner();
    const { daemon, token, next } = await heldByA(runner);
    const word = outcome(vouch(daemon));
    await daemon.clock.advance(5_000);
    expect(await daemon.lockd.status('r')).toMatchObject({ state: 'fencing' });
    expect(await soFar(word)).toBeUndefined();
    runner.found();
    expect(await word).toBe(true);
    expect(await next).toMatchObject({ client: 'B' });
    await daemon.clock.advance(100_000);
    expect(runner.runs).toEqual([]);
    expect(await daemon.lockd.check('r', token)).toBe(false);
  });

  test('that cannot be saved: the fencing begins after all, and its success is waited for', async () => {
    const { daemon, token, next } = await heldByA();
    const { disk, held, runner } = daemon;
    await losing(daemon);
    const word = outcome(vouch(daemon));
    await rounds();
    disk.failNext('write', FULL);
    held.release();
    expect(await word).toMatch(/^15: /);
    await rounds();
    expect(runner.running).toEqual([Number(token)]);
    disk.heal();
    await rounds();
    expect(await soFar(next)).toBeUndefined();
    runner.succeed(token);
    expect(await next).toMatchObject({ client: 'B' });
    expect(runner.runs).toHaveLength(1);
  });
});

test('whose word is refused because it could mean two holds: the fencing of both begins after all', async () => {
  const daemon = await begin({ fence: FENCE_ALL });
  const { lockd, clock, held, runner } = daemon;
  const a = await lockd.lock('r', 'A', { ttl: 10, limit: 2 });
  const b = await lockd.lock('r', 'B', { ttl: 10, limit: 2 });
  await clock.advance(9_999);
  await losing(daemon);
  const word = outcome(VOUCH.confirmFenced(daemon));
  await rounds();
  held.release();
  expect(await word).toBe("parameter 'token' is needed, because 2 holds of 'r' are being fenced");
  await rounds();
  expect(runner.running.sort()).toEqual([Number(a.token), Number(b.token)].sort());
});

test('whose word is refused while the hold lives has nobody fenced, until its lease ends', async () => {
  const { daemon, token } = await heldByA();
  const { lockd, clock, runner } = daemon;
  expect(await outcome(VOUCH.confirmFenced(daemon))).toBe(
    "parameter 'resource' is 'r', of which no hold is being fenced",
  );
  expect(await lockd.check('r', token)).toBe(true);
  expect(runner.runs).toEqual([]);
  await clock.advance(1);
  expect(runner.running).toEqual([Number(token)]);
});
