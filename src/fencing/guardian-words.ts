/** What a daemon and the guardian of its fence commands say to each other, and by which clocks. */
import { uptime } from 'node:os';

/**
 * A moment of this machine, the same for all of its processes. The monotonic clock stands still while the machine sleeps, the one
 * since boot does not, and a leadership goes on meanwhile.
 */
export interface Moment {
  /** Milliseconds. */
  readonly monotonic: number;
  /** Milliseconds, suspend included. */
  readonly sinceBoot: number;
}

/** From the daemon. */
export interface Word {
  /** The answer has it too. */
  readonly number: number;
  /** The leadership goes on until then, if nothing more is heard. */
  readonly until: Moment;
  /** A command for this token may be started when this is answered; whatever it is, it will have the kernel lock on this file. */
  readonly watch?: { readonly token: number; readonly path: string };
  /** It was, as a process group whose leader has this number, and started then by `startOf`. */
  readonly started?: { readonly token: number; readonly group: number; readonly start: string | undefined };
  /** Nothing that ran for this token is alive any more. */
  readonly gone?: number;
  /** The daemon has ended all by itself, and needs the guardian no more. Not answered. */
  readonly isDone?: true;
}

/** From the guardian. */
export interface Answer {
  readonly number: number;
  /** The leadership has ended as far as the guardian knows. It stays so, whatever else is said. */
  readonly isTimeUp: boolean;
}

export function now(): Moment {
  return { monotonic: Number(process.hrtime.bigint()) / 1e6, sinceBoot: uptime() * 1_000 };
}

export function later({ monotonic, sinceBoot }: Moment, milliseconds: number): Moment {
  return { monotonic: monotonic + milliseconds, sinceBoot: sinceBoot + milliseconds };
}

/** Milliseconds from now to a moment, by the clock that is there first; 0 when it is over. */
export function millisecondsTo(moment: Moment): number {
  const { monotonic, sinceBoot } = now();
  return Math.max(0, Math.min(moment.monotonic - monotonic, moment.sinceBoot - sinceBoot));
}
