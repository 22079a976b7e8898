/** A journal of many segments. */
import { join } from 'node:path';
import { grant, LOCK, type OpenOptions, openJournal, segmentNames, temporaryDirectory } from './fixture.js';

/** A journal of one start per segment: segment N (from 1) has turns 2N-1 and 2N, which grant such tokens to `rTOKEN`. */
export async function segments(count: number, options: OpenOptions = {}) {
  const directory = temporaryDirectory();
  for (let number = 1; ; number += 1) {
    const opened = await openJournal(directory, number === count ? options : {});
    await opened.store.commit(grant(2 * number - 1), LOCK);
    await opened.store.commit(grant(2 * number), LOCK);
    if (number === count) {
      opened.disk.calls.length = 0;
      const paths = segmentNames(directory).map((name) => join(opened.layout.own, name));
      return { ...opened, directory, paths };
    }
    await opened.store.close();
  }
}
