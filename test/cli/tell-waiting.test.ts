/** What is said to whoever waits, and when: at the start, and when holders or place have changed. */
import { describe, expect, test } from 'vitest';
import { tellWhileWaiting, waitingText } from '../../src/cli/tell-waiting.js';
import type { Hold } from '../../src/core/answers.js';
import type { FileStatus } from '../../src/service/api.js';

const LONG_AGO = new Date(Date.now() - 725_000);

function hold(client: string, token: string, more: Partial<Hold> = {}): Hold {
  return {
    ...{ resource: 'r', client, token, limit: 1, state: 'held', from: '127.0.0.1:1', waited: 0 },
    ...{ acquired: LONG_AGO, renewed: LONG_AGO },
    ...more,
  };
}

function status(
  holders: readonly Hold[],
  queue: readonly string[],
  more: Partial<FileStatus> = {},
): FileStatus {
  return {
    ...{ resource: 'r', state: 'held', limit: 1, held: holders.length, holders, waiting: queue.length },
    queue: queue.map((client, index) => ({ client, position: index + 1, since: LONG_AGO })),
    file: '/locks/r.lock',
    ...more,
  };
}

const SINCE = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(12 min ago\)`;

describe('for whom, and where in the line', () => {
  test.each<{ found: FileStatus; says: string }>([
    {
      found: status([hold('A', '1', { ttl: 60, left: 25.9, note: 'release' })], ['B', 'C']),
      says: `Waiting for 'r'\\. Held by 'A' since ${SINCE}, lease left 25 s, note: release\\. 'B' is number 1 of 2 in the line`,
    },
    {
      found: status([hold('A', '1', { state: 'fencing' })], ['B'], { state: 'fencing' }),
      says: "Waiting for 'r'\\. Lost by 'A' \\(token 1\\), who is being fenced\\. 'B' is number 1 of 1 in the line",
    },
    {
      found: status([hold('A', '1', { state: 'delayed' })], ['B'], { state: 'delayed' }),
      says: "Waiting for 'r'\\. Lost by 'A' \\(token 1\\), whose lock-delay runs\\. 'B' is number 1 of 1 in the line",
    },
    {
      found: status([], ['A', 'B'], { state: 'reserved' }),
      says: "Waiting for 'r'\\. 'B' is number 2 of 2 in the line",
    },
    {
      found: status([hold('A', '1')], ['X', 'Y'], { waiting: 4_000 }),
      says: `Waiting for 'r'\\. Held by 'A' since ${SINCE}, no lease\\. 4,000 wait in the line`,
    },
  ])('$says', ({ found, says }) => {
    expect(waitingText(found, 'B')).toMatch(new RegExp(`^${says}$`));
  });
});

describe('when', () => {
  /** What is told while the looks find these, one after another; undefined: a look that fails. */
  async function told(looks: readonly (FileStatus | undefined)[]) {
    const lines: string[] = [];
    const pauses: number[] = [];
    let release = () => {};
    const call = new Promise<string>((resolve) => {
      release = () => resolve('locked');
    });
    const left = [...looks];
    const answer = await tellWhileWaiting(call, {
      client: 'B',
      look: async () => {
        const found = left.shift();
        if (left.length === 0) setImmediate(release);
        if (!found) throw new Error('no status');
        return found;
      },
      tell: (line) => lines.push(line.replace(/ since .*?(?=\.)/, '')),
      pause: (milliseconds, signal) => {
        pauses.push(milliseconds);
        return left.length > 0
          ? Promise.resolve()
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            });
      },
    });
    expect(answer).toBe('locked');
    return { lines, pauses };
  }

  const FIRST = status([hold('A', '1', { ttl: 60, left: 50 })], ['C', 'B']);

  test('at the start, soon, and then at leisure', async () => {
    const { lines, pauses } = await told([FIRST, FIRST]);
    expect(lines).toEqual(["Waiting for 'r'. Held by 'A'. 'B' is number 2 of 2 in the line"]);
    expect(pauses).toEqual([200, 5_000, 5_000]);
  });

  test('not because time goes by, or others come behind', async () => {
    const later = status([hold('A', '1', { ttl: 60, left: 20 })], ['C', 'B', 'D']);
    expect((await told([FIRST, later])).lines).toHaveLength(1);
  });

  test('again when the place, a holder or the state is another', async () => {
    const nearer = status([hold('A', '1')], ['B']);
    const other = status([hold('C', '2')], ['B']);
    const lost = status([hold('C', '2', { state: 'fencing' })], ['B'], { state: 'fencing' });
    expect((await told([FIRST, nearer, other, lost])).lines).toHaveLength(4);
  });

  test('never while it is not in the line, or where nobody can say', async () => {
    expect(
      (await told([undefined, status([hold('A', '1')], []), status([hold('A', '1')], ['X'])])).lines,
    ).toEqual([]);
  });

  test('a call that fails, fails', async () => {
    const call = Promise.reject(new Error('refused'));
    const telling = { client: 'B', look: async () => FIRST, tell: () => undefined };
    await expect(tellWhileWaiting(call, telling)).rejects.toThrow('refused');
  });
});
