/** What to do about a refusal, by its code, for somebody who sits before the page. Pure. */

const ADVICE: ReadonlyMap<number, string> = new Map([
  [1, 'Wait until it is free, or force it if its holder is gone for good.'],
  [2, 'Only its holder can do that. An operator can force it.'],
  [3, 'It was given back or lost meanwhile; the page shows how it is now.'],
  [5, 'Use the limit that it has, or wait until nobody holds or waits.'],
  [8, 'That hold is over. Lock it anew if it is still needed.'],
  [9, 'Wait until the fence command succeeds, or confirm that the former holder is fenced.'],
  [10, 'It has another holder by now; the page shows who.'],
  [12, 'Look at the file. If nobody needs the lock, force it.'],
  [13, 'Sign in as a user who may, or ask whoever runs the daemon.'],
  [14, 'Unlock what is not needed, or have the limit raised.'],
  [15, 'Make room there, or mend the disk; then try again.'],
  [16, 'Try again in some seconds; where another daemon is named as the leader, open the page there.'],
  [-32602, 'Change what was entered, and try again.'],
  [-32603, 'Look into the log of the daemon.'],
]);

/** A sentence; undefined where the refusal says all there is. */
export function adviceFor(code: number): string | undefined {
  return ADVICE.get(code);
}
