/** Waiting in the line for longer than one call may: slices, lost connections, and leaving it. The clock is set by hand. */
import { describe, expect, test } from 'vitest';
import { NoDaemon, NotLockd, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import { type PlaceCalls, waitForLock } from '../../src/client/waiting.js';
import type { Hold } from '../../src/core/answers.js';

const HOLD: Hold = {
  resource: 'r',
  client: 'A',
  token: '17',
  limit: 1,
  state: 'held',
  acquired: new Date(0),
  renewed: new Date(0),
  from: '127.0.0.1:1',
  waited: 0,
};

const TIMED_OUT = new RefusedCall(
  4,
  "Gave up after 60 s: 'r' is still locked by 'X'; 'A' was number 1 in the line",
);
const STOPPING = new RefusedCall(16, 'The daemon is stopping');
const TAKEN_OVER = new RefusedCall(19, 'Another call took over the waiting');
const NOT_QUEUED = new RefusedCall(6, "'A' is not in the line");
const NOBODY = new NoDaemon('nobody answers');
const LOST = new OutcomeUnknown('the answer was lost');

/** What happens at a call: it takes so many seconds, and then answers, or rejects. */
interface Step {
  readonly call: string;
  readonly takes?: number;
  readonly answer?: unknown;
  readonly fails?: Error;
  /** Aborts the wait while the call is open. */
  readonly aborts?: boolean;
}

/** Waits by a script of calls; answers what became of it, and the seconds that went by. */
async function played(seconds: number, steps: readonly Step[], claimSeconds = 30) {
  let now = 5_000;
  const abort = new AbortController();
  const left = [...steps];
  const made: string[] = [];
  const take = async (call: string): Promise<never> => {
    made.push(call);
    const step = left.shift();
    if (step?.call !== call) throw new Error(`${call} came instead of ${step?.call}`);
    now += (step.takes ?? 0) * 1_000;
    if (step.aborts) {
      abort.abort(new Error('aborted'));
      throw abort.signal.reason;
    }
    if (step.fails) throw step.fails;
    return step.answer as never;
  };
  const calls: PlaceCalls<Hold> = {
    lock: (wait) => take(`lock ${wait}`),
    enqueue: () => take('enqueue'),
    wait: (slice) => take(`wait ${slice}`),
    cancel: () => take('cancel'),
    unlock: ({ token }) => take(`unlock ${token}`),
  };
  const pace = {
    now: () => now,
    pause: async (pauseSeconds: number) => {
      now += pauseSeconds * 1_000;
    },
  };
  const wait = { seconds, claimSeconds, signal: abort.signal };
  const outcome = await waitForLock(calls, wait, pace).catch((error: unknown) => error);
  expect(left).toEqual([]);
  return { outcome, seconds: (now - 5_000) / 1_000, made };
}

describe('up to 25 s are one call', () => {
  test('which answers', async () => {
    const { outcome } = await played(25, [{ call: 'lock 25', takes: 3, answer: HOLD }]);
    expect(outcome).toBe(HOLD);
  });

  test('or is refused, and then there is no place to leave', async () => {
    const { outcome } = await played(10, [{ call: 'lock 10', takes: 10, fails: TIMED_OUT }]);
    expect(outcome).toBe(TIMED_OUT);
  });

  test('a lost connection is made again, for the time that is left', async () => {
    const { outcome } = await played(20, [
      { call: 'lock 20', takes: 4, fails: LOST },
      { call: 'lock 15', takes: 0, fails: NOBODY },
      { call: 'lock 14', takes: 0, fails: STOPPING },
      { call: 'lock 13', takes: 1, answer: HOLD },
    ]);
    expect(outcome).toBe(HOLD);
  });

  test('where no daemon was in the first place, nobody waits for one', async () => {
    const { outcome, seconds } = await played(20, [{ call: 'lock 20', fails: NOBODY }]);
    expect(outcome).toBe(NOBODY);
    expect(seconds).toBe(0);
  });
});

describe('more are slices of 25 s on one place', () => {
  test('granted at once', async () => {
    const granted = { state: 'granted', position: 0, hold: HOLD };
    const { outcome } = await played(3_600, [{ call: 'enqueue', answer: granted }]);
    expect(outcome).toBe(HOLD);
  });

  const QUEUED: Step = { call: 'enqueue', answer: { state: 'queued', position: 2 } };

  test('a slice that is over is not the end', async () => {
    const { outcome, seconds } = await played(Number.POSITIVE_INFINITY, [
      QUEUED,
      { call: 'wait 25', takes: 25, fails: TIMED_OUT },
      { call: 'wait 25', takes: 25, fails: TIMED_OUT },
      { call: 'wait 25', takes: 7, answer: HOLD },
    ]);
    expect(outcome).toBe(HOLD);
    expect(seconds).toBe(57);
  });

  test('when the time is over, the line is left, and the last refusal tells', async () => {
    const { outcome, seconds } = await played(60, [
      QUEUED,
      { call: 'wait 25', takes: 25, fails: TIMED_OUT },
      { call: 'wait 25', takes: 25, fails: TIMED_OUT },
      { call: 'wait 10', takes: 10, fails: TIMED_OUT },
      { call: 'cancel', answer: true },
    ]);
    expect(outcome).toEqual(TIMED_OUT);
    expect(seconds).toBe(60);
  });

  test('what is left of the time is told in whole milliseconds', async () => {
    const { outcome } = await played(30, [
      QUEUED,
      { call: 'wait 25', takes: 25.000_123, fails: TIMED_OUT },
      { call: 'wait 5', takes: 4.999_876_9, fails: TIMED_OUT },
      { call: 'wait 0.001', takes: 0.001, answer: HOLD },
    ]);
    expect(outcome).toBe(HOLD);
  });

  test('a cancel that fails changes nothing of that', async () => {
    const { outcome } = await played(26, [
      QUEUED,
      { call: 'wait 25', takes: 26, fails: TIMED_OUT },
      { call: 'cancel', fails: LOST },
    ]);
    // The daemon knows of the last slice only.
    expect(outcome).toMatchObject({
      refusal: 'timedOut',
      message: expect.stringMatching(/^Gave up after 26 s: 'r'/),
    });
  });

  test('the place is kept through a restart of the daemon', async () => {
    const { outcome } = await played(100, [
      QUEUED,
      { call: 'wait 25', takes: 5, fails: STOPPING },
      { call: 'wait 25', takes: 4, fails: NOBODY },
      { call: 'wait 25', takes: 4, fails: NOBODY },
      { call: 'wait 25', takes: 2, answer: HOLD },
    ]);
    expect(outcome).toBe(HOLD);
  });

  test('for as long as its claim time, counted anew after each answer', async () => {
    const away: Step = { call: 'wait 25', takes: 4, fails: NOBODY };
    const { outcome, seconds } = await played(
      1_000,
      [QUEUED, away, away, { call: 'wait 25', takes: 25, fails: TIMED_OUT }, away, away, away],
      10,
    );
    expect(outcome).toBe(NOBODY);
    // The third failure is seen 10 s after the first: 4 s of trying and 1 s of pause, twice.
    expect(seconds).toBe(10 + 25 + 14);
  });

  test('an outage when the time is over is the end', async () => {
    const { outcome } = await played(26, [
      QUEUED,
      { call: 'wait 25', takes: 25, fails: TIMED_OUT },
      { call: 'wait 1', takes: 5, fails: NOBODY },
    ]);
    expect(outcome).toBe(NOBODY);
  });

  test.each([TAKEN_OVER, NOT_QUEUED])(
    'a refusal is the end, and leaves no place: $message',
    async (refusal) => {
      const { outcome } = await played(60, [QUEUED, { call: 'wait 25', fails: refusal }]);
      expect(outcome).toBe(refusal);
    },
  );
});

describe('who gives up otherwise leaves the line', () => {
  const QUEUED: Step = { call: 'enqueue', answer: { state: 'queued', position: 2 } };
  const ABORTED: Step = { call: 'wait 25', takes: 3, aborts: true };

  test('aborted while waiting', async () => {
    const { outcome } = await played(60, [
      QUEUED,
      ABORTED,
      { call: 'wait 0', fails: TIMED_OUT },
      { call: 'cancel', answer: true },
    ]);
    expect(outcome).toEqual(new Error('aborted'));
  });

  test('aborted while it was granted: it is given back', async () => {
    const steps: Step[] = [
      QUEUED,
      ABORTED,
      { call: 'wait 0', answer: HOLD },
      { call: 'unlock 17', answer: true },
    ];
    expect((await played(60, steps)).outcome).toEqual(new Error('aborted'));
  });

  test('aborted, and the place is not ours: nothing more is done', async () => {
    const steps: Step[] = [
      { call: 'lock 5', aborts: true },
      { call: 'wait 0', fails: NOT_QUEUED },
    ];
    expect((await played(5, steps)).outcome).toEqual(new Error('aborted'));
  });

  test('aborted between two tries', async () => {
    const steps: Step[] = [
      { call: 'lock 5', fails: LOST },
      { call: 'lock 4', aborts: true },
      { call: 'wait 0', fails: TIMED_OUT },
      { call: 'cancel', fails: LOST },
    ];
    expect((await played(5, steps)).outcome).toEqual(new Error('aborted'));
  });

  test('something else answers', async () => {
    const foreign = new NotLockd('a web server');
    const { outcome } = await played(60, [
      QUEUED,
      { call: 'wait 25', fails: foreign },
      { call: 'wait 0', fails: foreign },
    ]);
    expect(outcome).toBe(foreign);
  });
});
