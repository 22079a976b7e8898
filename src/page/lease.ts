/**
 * How a lease runs down between two answers of the daemon: by `left` when the answer came, on a clock that no one can set.
 * The browser's wall clock has no part in it. Pure.
 */

/** A lease as an answer told it. */
export interface ToldLease {
  /** Seconds that a renewal makes it run. */
  readonly ttl: number;
  /** Seconds that were left. */
  readonly left: number;
  /** Milliseconds on the monotonic clock when the answer came. */
  readonly received: number;
}

/** `low`: a client that renews at a third would have done so. `due`: it is over as far as can be told from here. */
export type LeaseLevel = 'good' | 'low' | 'last' | 'due';

/** What a bar shows. */
export interface LeaseView {
  /** 0 to 1. */
  readonly share: number;
  /** Seconds, not below 0. */
  readonly left: number;
  readonly level: LeaseLevel;
}

/** Shares below which a lease counts as low, and as all but over. */
const LOW = 1 / 3;
const LAST = 1 / 10;

/** The lease at a moment of the same clock. */
export function leaseAt({ ttl, left, received }: ToldLease, now: number): LeaseView {
  const seconds = left - Math.max(0, now - received) / 1_000;
  // One that was extended is full when it was told.
  const whole = Math.max(ttl, left);
  const share = whole > 0 ? Math.min(1, Math.max(0, seconds / whole)) : 0;
  return { share, left: Math.max(0, seconds), level: levelOf(share) };
}

function levelOf(share: number): LeaseLevel {
  if (share <= 0) return 'due';
  if (share < LAST) return 'last';
  return share < LOW ? 'low' : 'good';
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

/** `25 s`, `3 min 5 s`, `2 h 10 min`, `6 d 3 h`: the two largest units, rounded up, so that 0 means 0. */
export function spanText(seconds: number): string {
  const whole = Math.ceil(seconds - 1e-6);
  const first = UNITS.findIndex(([, length]) => whole >= length);
  const unit = UNITS[first];
  if (!unit) return '0 s';
  const [name, length] = unit;
  const [smallerName, smallerLength] = UNITS[first + 1] ?? ['', Number.POSITIVE_INFINITY];
  const rest = Math.floor((whole % length) / smallerLength);
  const text = `${Math.floor(whole / length)} ${name}`;
  return rest > 0 ? `${text} ${rest} ${smallerName}` : text;
}

/** What stands beside the bar. */
export function leaseText({ left, level }: LeaseView): string {
  return level === 'due' ? 'over, or being renewed' : `${spanText(left)} left`;
}
