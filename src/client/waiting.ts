/**
 * Waits in the line for as long as asked, which may be longer than any one call: in slices, with one retry key, so that
 * the place is kept between them and no proxy cuts a connection that is silent for too long. A lost connection is made
 * again for as long as the daemon keeps the place. Whoever gives up leaves the line, as well as that can be done.
 */
import { NoDaemon, OutcomeUnknown, RefusedCall, Unauthorized } from './errors.js';
import { type Pace, REAL_PACE } from './ports.js';

/** Seconds for which one call waits: many proxies cut what is silent for 30 s. */
export const SLICE_SECONDS = 25;

/** The same where there are other members to come to: one that was stopped is believed to answer no longer than that. */
export const CLUSTER_SLICE_SECONDS = 5;

/** Seconds between two tries to come back to a place. */
const RETURN_PAUSE_SECONDS = 1;

/** The calls about one place in the line, all of them with the same retry key. `H` is what stands for a hold. */
export interface PlaceCalls<H> {
  lock(waitSeconds: number): Promise<H>;
  /** Answers the hold where it was granted at once. `seconds`: how long it may be tried. */
  enqueue(seconds: number): Promise<{ readonly hold?: H }>;
  wait(seconds: number): Promise<H>;
  cancel(): Promise<unknown>;
  unlock(hold: H): Promise<unknown>;
}

/** How long, and what ends it before. */
export interface Wait {
  /** As many as wanted; Infinity: for ever. */
  readonly seconds: number;
  /** Seconds for which the daemon keeps the place of a client that is away. */
  readonly claimSeconds: number;
  /** Seconds for which one call waits; 25 when absent. */
  readonly sliceSeconds?: number;
  /** Seconds between two tries to come back to a place; 1 when absent. */
  readonly pauseSeconds?: number;
  /** Ends the waiting, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const PLACELESS = [RefusedCall, NoDaemon, Unauthorized];

/** Resolves with the hold; rejects as the calls do, with `timedOut` when the time is over. */
export async function waitForLock<H>(calls: PlaceCalls<H>, wait: Wait, pace: Pace = REAL_PACE): Promise<H> {
  const waiting = new Waiting(wait, pace);
  try {
    return await (wait.seconds > waiting.sliceSeconds ? waiting.inSlices(calls) : waiting.inOneCall(calls));
  } catch (error) {
    // After a refusal there is no place, and a daemon that cannot be reached, or lets us in no more, forgets it in its claim time.
    if (!PLACELESS.some((kind) => error instanceof kind)) await leave(calls);
    throw error;
  }
}

/** Waits on a place that was taken before, and keeps it when the time is over: rejects with `timedOut` then. */
export async function waitInPlace<H>(
  calls: Pick<PlaceCalls<H>, 'wait'>,
  wait: Wait,
  pace: Pace = REAL_PACE,
): Promise<H> {
  return new Waiting(wait, pace).inPlace(calls);
}

class Waiting {
  readonly #started: number;
  /** Whether a daemon has, or may have, heard of us. */
  #isKnown = false;

  constructor(
    private readonly wait: Wait,
    private readonly pace: Pace,
  ) {
    this.#started = pace.now();
  }

  get sliceSeconds(): number {
    return this.wait.sliceSeconds ?? SLICE_SECONDS;
  }

  inOneCall<H>(calls: PlaceCalls<H>): Promise<H> {
    return this.#throughOutages(() => calls.lock(this.#left()));
  }

  async inSlices<H>(calls: PlaceCalls<H>): Promise<H> {
    const { hold } = await this.#throughOutages(() => calls.enqueue(this.#left()));
    if (hold !== undefined) return hold;
    try {
      return await this.inPlace(calls);
    } catch (error) {
      if (isRefused(error, 'timedOut')) await calls.cancel().catch(() => undefined);
      throw error;
    }
  }

  /** As the caller sees it: the daemon knows of the last slice only. */
  #timedOut({ code, message, isRepeat }: RefusedCall): RefusedCall {
    const text = message.replace(
      /^Gave up after [\d.,]+ s/,
      `Gave up after ${secondsText(this.wait.seconds)}`,
    );
    return new RefusedCall(code, text, isRepeat);
  }

  async inPlace<H>(calls: Pick<PlaceCalls<H>, 'wait'>): Promise<H> {
    this.#isKnown = true;
    for (;;) {
      try {
        return await this.#throughOutages(() => calls.wait(Math.min(this.#left(), this.sliceSeconds)));
      } catch (error) {
        if (!isRefused(error, 'timedOut')) throw error;
        if (this.#left() === 0) throw this.#timedOut(error);
      }
    }
  }

  /** Seconds until the time is over, in whole milliseconds: the exponent of a tiny number no daemon reads. */
  #left(): number {
    const elapsedMs = this.pace.now() - this.#started;
    return Math.max(0, Math.ceil(this.wait.seconds * 1_000 - elapsedMs) / 1_000);
  }

  /** Repeats a call whose connection is lost, for as long as the place is kept and there is time left. */
  async #throughOutages<T>(call: () => Promise<T>): Promise<T> {
    const { claimSeconds, pauseSeconds = RETURN_PAUSE_SECONDS, signal } = this.wait;
    let awaySince: number | undefined;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!this.#isOutage(error)) throw error;
        const now = this.pace.now();
        awaySince ??= now;
        if (now - awaySince >= claimSeconds * 1_000 || this.#left() === 0) throw error;
        await this.pace.pause(pauseSeconds, signal);
      }
    }
  }

  /** Whether the daemon was there before, and may be again. */
  #isOutage(error: unknown): boolean {
    if (error instanceof NoDaemon) return this.#isKnown;
    const isOutage = error instanceof OutcomeUnknown || isRefused(error, 'unavailable');
    this.#isKnown ||= isOutage;
    return isOutage;
  }
}

/** As the daemon writes it: `0.5 s`, `12 s`. */
function secondsText(seconds: number): string {
  return `${seconds.toLocaleString('en', { maximumFractionDigits: seconds < 10 ? 1 : 0 })} s`;
}

/** Gives back what was granted meanwhile, or leaves the line; the key tells whether either is ours. */
async function leave<H>(calls: PlaceCalls<H>): Promise<void> {
  try {
    await calls.unlock(await calls.wait(0));
  } catch (error) {
    if (isRefused(error, 'timedOut')) await calls.cancel().catch(() => undefined);
  }
}

function isRefused(error: unknown, name: RefusedCall['refusal']): error is RefusedCall {
  return error instanceof RefusedCall && error.refusal === name;
}
