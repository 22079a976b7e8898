/** Beside a commit, calls are answered that it does not concern; that a leader may answer them, etcd says, and takes its time. */
import { expect, test } from 'vitest';
import type { Asked } from '../etcd/fake-kv.js';
import { outcome } from './fixture.js';
import { rounds } from './manual-clock.js';
import { MemberCluster, PREFIX } from './member-fixture.js';

/** A leader whose turns, and whose questions whether it leads, etcd answers when the test says so. */
async function heldLeader() {
  const cluster = new MemberCluster();
  const { member, kv } = await cluster.stand('a');
  const { token } = await member.lock('r', 'A', { ttl: 1 });
  const commits = gate();
  const questions = gate();
  kv.onRequest = (asked) => {
    if (isTurn(asked)) return commits.passes;
    return isQuestion(asked) ? questions.passes : undefined;
  };
  return { clock: cluster.clock, member, token, commits, questions };
}

function gate() {
  let open: () => void = () => undefined;
  const passes = new Promise<undefined>((resolve) => {
    open = () => resolve(undefined);
  });
  return { passes, open: () => open() };
}

function isTurn(asked: Asked): boolean {
  const { success = [] } = asked.kind === 'transact' ? asked.transaction : {};
  return success.some(({ kind, key }) => kind === 'put' && key === `${PREFIX}/turn`);
}

function isQuestion(asked: Asked): boolean {
  if (asked.kind !== 'transact' || asked.transaction.compare.length > 0) return false;
  return asked.transaction.success.every(({ kind, key }) => kind === 'get' && key === `${PREFIX}/leader`);
}

test('a renewal that came in time keeps the lease, however long etcd takes to let it be answered', async () => {
  const { member, clock, commits, questions } = await heldLeader();
  const other = member.lock('s', 'B');
  await rounds();
  const renewal = outcome(member.renew('r', 'A'));
  await rounds();
  commits.open();
  await other;
  await clock.advance(2_500);
  questions.open();
  expect(await renewal).toMatchObject({ client: 'A', left: 1, expires: new Date(clock.time() + 1_000) });
  const { holders } = await member.status('r');
  expect(holders).toMatchObject([{ client: 'A', state: 'held', left: 1 }]);
  await clock.advance(1_100);
  expect((await member.status('r')).holders).toEqual([]);
});

test('what is only looked at is told as it is when it may be told', async () => {
  const { member, token, clock, commits, questions } = await heldLeader();
  const other = member.lock('s', 'B');
  await rounds();
  const check = member.check('r', token);
  await rounds();
  commits.open();
  await other;
  await clock.advance(2_500);
  questions.open();
  expect(await check).toBe(false);
});
