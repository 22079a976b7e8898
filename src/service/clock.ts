/** The clocks, behind a port: tests set them by hand. */
export interface Clock {
  /** Milliseconds since 1970, UTC; may jump. For writing down. */
  time(): number;
  /** Milliseconds since some moment; never goes back. For measuring. */
  monotonic(): number;
}

/** The clocks of this machine. */
export const systemClock: Clock = {
  time: () => Date.now(),
  monotonic: () => performance.now(),
};
