/** How long a daemon took to stop. */
import type { LockdProcess } from '../daemon.js';

/** Milliseconds from `Stopping` to `Stopped` in the log of a daemon that has ended: what goes on around it does not count. */
export function stopMilliseconds({ records }: LockdProcess): number {
  const [stopping, stopped] = records.slice(-2);
  if (!/^Stopping on /.test(String(stopping?.msg)) || stopped?.msg !== 'Stopped')
    throw new Error(`it did not stop in good order: ${JSON.stringify(records)}`);
  return Date.parse(String(stopped.time)) - Date.parse(String(stopping?.time));
}
