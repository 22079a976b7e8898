/** Waiting for what happens outside of this process. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is true; rejects after `milliseconds`, naming what did not come. */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  milliseconds = 15_000,
): Promise<void> {
  const giveUpAt = performance.now() + milliseconds;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await sleep(20);
  }
}
