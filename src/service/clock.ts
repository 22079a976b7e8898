/** The clocks, the one timer, and the rounds of the event loop, behind a port: tests set them by hand. */
export interface Clock {
  /** Milliseconds since 1970, UTC; may jump. For writing down. */
  time(): number;
  /** Milliseconds since some moment; never goes back. For measuring. */
  monotonic(): number;
  /** Calls `action` once, `milliseconds` from now on the monotonic clock or later, unless it is called off before. */
  after(milliseconds: number, action: () => void): CallOff;
  /** Calls `action` when this round of the event loop has read what waits in the sockets. */
  nextRound(action: () => void): void;
}

/** Calls a timer off; without effect once it has fired. */
export type CallOff = () => void;

/** Resolves when the sockets have been read once more. */
export function afterRound(clock: Pick<Clock, 'nextRound'>): Promise<void> {
  return new Promise((resolve) => clock.nextRound(resolve));
}

/** The clocks of this machine. Its timers keep no process alive. */
export const systemClock: Clock = {
  time: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  nextRound: (action) => void setImmediate(action),
};
