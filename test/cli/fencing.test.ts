/** What operators see and do of a fencing that does not succeed. The service stands still in that state. */
import { describe, expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import type { FileStatus, LockService } from '../../src/service/api.js';
import { run, serviceBehindHttp } from './world.js';

const MOMENT = new Date('2026-11-21T08:15:00Z');
const AGO = String.raw`2026-11-21 08:15:00 UTC \(\d+ \w+ ago\)`;

const LOST: Hold = {
  ...{ resource: 'host/7', client: 'A', token: '17', limit: 2, state: 'fencing', from: '127.0.0.1:1' },
  ...{ acquired: MOMENT, renewed: MOMENT, waited: 0, ttl: 30 },
};

const FENCING: FileStatus = {
  ...{ resource: 'host/7', state: 'fencing', limit: 2, held: 2, file: '/locks/host%2F7.lock' },
  holders: [LOST, { ...LOST, client: 'B', token: '18', state: 'delayed' }],
  waiting: 1_234,
  queue: [{ client: 'C', position: 1, since: MOMENT }],
  fence: [{ client: 'A', token: '17', tries: 2, lastError: 'exit 1', nextTry: MOMENT }],
};

/** Runs a command line against a service that answers `status`, and notes what else it is asked. */
async function against(words: readonly string[], found: FileStatus = FENCING) {
  const asked: unknown[] = [];
  const note =
    (method: string) =>
    async (resource: string, options: object): Promise<true> => {
      asked.push([method, resource, options]);
      return true;
    };
  const service: Partial<LockService> = {
    status: async () => found,
    list: async () => [found],
    confirmFenced: note('confirmFenced'),
    forceUnlock: note('forceUnlock'),
  };
  const url = await serviceBehindHttp(service);
  const { status, stdout, stderr } = await run([...words, '--url', url]);
  return { status, stdout: stdout.replaceAll(url, 'URL'), stderr: stderr.replaceAll(url, 'URL'), asked };
}

describe('status', () => {
  test('tells the runs of the fence command, the next one, and what ends it', async () => {
    const { stdout } = await against(['status', 'host/7']);
    expect(stdout).toMatch(
      new RegExp(
        [
          '^host/7: fencing',
          '  holders    2 of at most 2',
          '  lost by    A',
          `  since      ${AGO}`,
          '  fencing    failed 2 times, last with exit 1; runs again at 2026-11-21 08:15:00 UTC',
          '  token      17',
          '  from       127\\.0\\.0\\.1:1',
          '  lost by    B',
          `  since      ${AGO}`,
          '  state      delayed: the lock-delay runs',
          '  token      18',
          '  from       127\\.0\\.0\\.1:1',
          '  waiting    1,234',
          `             1\\. C since ${AGO}`,
          '             and 1,233 more',
          '  file       /locks/host%2F7\\.lock',
          "  If 'A' can do no more harm for certain: lockd confirm-fenced host/7 --url URL --reason WHY --token 17\n$",
        ].join('\n'),
      ),
    );
  });

  test.each([
    { fence: { tries: 0 }, says: 'runs now' },
    {
      fence: { tries: 1, lastError: 'no end within 60 s' },
      says: 'failed once, last with no end within 60 s; runs now',
    },
  ])('$says', async ({ fence, says }) => {
    const found = { ...FENCING, fence: [{ client: 'A', token: '17', ...fence }] };
    expect((await against(['status', 'host/7'], found)).stdout).toContain(`\n  fencing    ${says}\n`);
  });
});

test('list shows the state of each hold, and how many wait', async () => {
  const { stdout } = await against(['list', '--state', 'fencing']);
  expect(stdout).toMatch(/\nhost\/7 +fencing +A +.* 1,234 +17\nhost\/7 +delayed +B +.* 1,234 +18\n$/);
});

test('list names the first in line where it is reserved', async () => {
  const found: FileStatus = { ...FENCING, state: 'reserved', held: 0, holders: [], fence: [] };
  const { stdout } = await against(['list'], found);
  expect(stdout).toMatch(/\nhost\/7 +reserved +1,234 +kept for 'C'\n$/);
});

test('confirm-fenced', async () => {
  const words = ['confirm-fenced', 'host/7', '--reason', 'power is off', '--token', '17'];
  const { status, stdout, asked } = await against(words);
  expect({ status, stdout }).toEqual({ status: 0, stdout: "The lost holder of 'host/7' counts as fenced\n" });
  expect(asked).toEqual([['confirmFenced', 'host/7', { reason: 'power is off', token: '17' }]]);
  const json = await against(['confirm-fenced', 'host/7', '--reason', 'off', '--json']);
  expect(JSON.parse(json.stdout)).toEqual({ resource: 'host/7', fenced: true });
});

test('force-unlock with and without fencing', async () => {
  const free: FileStatus = {
    ...FENCING,
    state: 'free',
    held: 0,
    holders: [],
    waiting: 0,
    queue: [],
    fence: [],
  };
  const { asked, stderr } = await against(
    ['force-unlock', 'host/7', 'A', '--reason', 'off', '--fenced'],
    free,
  );
  expect(asked).toEqual([['forceUnlock', 'host/7', { reason: 'off', client: 'A', fenced: true }]]);
  expect(stderr).toBe('');
  const without = await against(['force-unlock', 'host/7', '--reason', 'off']);
  expect(without.asked).toEqual([['forceUnlock', 'host/7', { reason: 'off' }]]);
  const look = 'To look: lockd status host/7 --url URL\n';
  expect(without.stderr).toBe(`It is granted again when the fence command has succeeded. ${look}`);
  const delayed = await against(['force-unlock', 'host/7', '--reason', 'off'], {
    ...FENCING,
    state: 'delayed',
  });
  expect(delayed.stderr).toBe(`It is granted again when the lock-delay is over. ${look}`);
});
