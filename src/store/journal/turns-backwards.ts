/** All turns that a journal still has, newest first: for whoever takes its history elsewhere. */
import type { Disk, OpenFile } from '../../disk/disk.js';
import type { Layout } from '../../disk/layout.js';
import { decodeLine, type Previous, type TurnLine } from './format.js';
import { linesBackwards } from './lines-backwards.js';
import { SegmentHeads } from './segment-heads.js';

/**
 * From `newest` back, each segment only up to the byte that counts. A line that is not what was written is left out; where a
 * segment is gone, it ends. Throws the disk's error.
 */
export async function* turnsBackwards(
  disk: Disk,
  layout: Layout,
  newest: Previous,
): AsyncGenerator<TurnLine> {
  const heads = new SegmentHeads(disk, layout);
  for (let next: Previous | undefined = newest; next; ) {
    const file = heads.open(next.name);
    if (!file) return;
    try {
      const head = await heads.read(file, next.name);
      yield* turnsOf(file, next.bytes);
      next = head.previous;
    } finally {
      file.close();
    }
  }
}

async function* turnsOf(file: OpenFile, bytes: number): AsyncGenerator<TurnLine> {
  for await (const lines of linesBackwards(file, bytes)) {
    for (const text of lines) {
      const line = decodeLine(text.toString('utf8'));
      if (line?.line === 'end') return;
      if (line?.line === 'turn') yield line;
    }
  }
}
