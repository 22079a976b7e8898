/**
 * The gate: lets a token pass at the resource itself, unless a higher one has passed before. It needs no daemon. While a
 * command is in it, nobody else passes: an old and a new one never overlap.
 */
import { GateBusy, GateRefused, StaleToken } from './errors.js';
import { GateFile } from './gate-file.js';
import { giveLockBack, takeLock } from './kernel-lock.js';
import { compareTokens, NO_TOKEN, normalized } from './tokens.js';

export interface GateOptions {
  /** Seconds to wait while somebody else is in the gate; for ever when absent. */
  readonly waitSeconds?: number | undefined;
  /** Ends the waiting, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A token that has passed, with the gate closed behind it. */
export interface Passage {
  /** Carries the lock; for a command to inherit. */
  readonly descriptor: number;
  /** Lets the next one in. */
  leave(): Promise<void>;
}

/**
 * Passes with `token` (decimal digits), which is on disk as the highest one when this resolves. Throws `StaleToken`,
 * `GateBusy` or `GateRefused`; nothing has changed then.
 */
export async function pass(path: string, token: string, options: GateOptions = {}): Promise<Passage> {
  const digits = normalized(token);
  if (digits === NO_TOKEN) {
    throw new GateRefused(
      `Token 0 is no fencing token: open:// gives it to everybody, and the gate ${path} does not let it pass. ` +
        'Take the lock from a daemon',
    );
  }
  const file = await openLocked(path, options);
  try {
    const recorded = file.record(digits);
    if (compareTokens(digits, recorded) < 0) {
      throw new StaleToken(
        `Token ${digits} is stale: the gate ${path} has let token ${recorded} pass. Stop the work of token ${digits}; ` +
          'to go on with it, take the lock anew',
      );
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    descriptor: file.descriptor,
    async leave() {
      await giveLockBack(file);
      file.close();
    },
  };
}

async function openLocked(path: string, { waitSeconds, signal }: GateOptions): Promise<GateFile> {
  const until = new AbortController();
  const giveUp = () => until.abort();
  const timer = waitSeconds ? setTimeout(giveUp, Math.min(waitSeconds * 1_000, MAX_TIMER_MS)) : undefined;
  if (waitSeconds === 0 || signal?.aborted) giveUp();
  signal?.addEventListener('abort', giveUp);
  try {
    for (;;) {
      const file = GateFile.open(path);
      try {
        const isOurs = await takeLock(file, until.signal);
        signal?.throwIfAborted();
        if (!isOurs) throw busy(path, waitSeconds);
        if (file.isInPlace()) return file;
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Node knows no longer timer; 24 days are for ever. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function busy(path: string, waitSeconds: number | undefined): GateBusy {
  return new GateBusy(
    `Gave up after ${waitSeconds} s: somebody else's command is still in the gate ${path}. Wait longer with --wait, or ` +
      'look whose it is with: fuser -v FILE',
  );
}
