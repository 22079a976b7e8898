import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { OpenFile } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { encodeLine } from '../../src/store/journal/format.js';
import { linesFrom, startNear } from '../../src/store/journal/lines-forward.js';
import { peekTurn } from '../../src/store/journal/peek.js';
import { hold, put, temporaryDirectory } from './fixture.js';

const CHUNK = 256 << 10;

function fileOf(content: string | Buffer): { file: OpenFile; bytes: number } {
  const path = join(temporaryDirectory(), 'file');
  fs.writeFileSync(path, content);
  return { file: nodeDisk.open(path, 'read'), bytes: fs.statSync(path).size };
}

/** All lines from `start` on, as texts. */
async function readOn(file: OpenFile, start: number, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let offset = start; offset < limit; ) {
    const { lines, end } = await linesFrom(file, offset, limit);
    expect(end).toBeGreaterThan(offset);
    for (const line of lines) found.push(line.bytes.toString());
    expect(lines.at(-1)?.end ?? end).toBeLessThanOrEqual(end);
    offset = end;
  }
  return found;
}

describe('lines from a byte on', () => {
  test.each([
    ['a\nb\n', 0, ['a', 'b']],
    ['a\nb\n', 2, ['b']],
    ['a\n\n\nb\n', 0, ['a', 'b']],
    ['\n\n', 0, []],
    ['a\nb', 0, ['a']],
  ])('%j from %i', async (content, start, expected) => {
    const { file, bytes } = fileOf(content);
    expect(await readOn(file, start, bytes)).toEqual(expected);
    file.close();
  });

  test.each([CHUNK - 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7])(
    'a line of %i bytes, and those around it',
    async (length) => {
      const long = 'x'.repeat(length);
      const { file, bytes } = fileOf(`a\n${long}\nb\n${long}\n`);
      expect(await readOn(file, 0, bytes)).toEqual(['a', long, 'b', long]);
      file.close();
    },
  );

  test('what stands behind the limit is not read', async () => {
    const { file } = fileOf('a\nb\nc\n');
    expect(await readOn(file, 0, 4)).toEqual(['a', 'b']);
    file.close();
  });

  test('a file that ends before its limit', async () => {
    const { file } = fileOf('a\nb');
    expect(await linesFrom(file, 2, 1_000)).toEqual({ lines: [], end: 1_000 });
    file.close();
  });
});

describe('where a turn is near', () => {
  const turnLine = (turn: number, note: string) =>
    encodeLine({ line: 'turn', turn, nextToken: turn + 1, changes: [put(hold(turn, 'r', 'a', note))] });

  /** A segment with a snapshot of some length, and turns from `first` on; their lengths vary. */
  function segment(first: number, count: number) {
    const records = Array.from({ length: 300 }, (_, n) => hold(n + 1, `kept${n}`, 'a', 'x'.repeat(1_000)));
    const content = Buffer.concat([
      encodeLine({
        ...{ line: 'head', format: 1, directory: 'd', epoch: 1, segment: 1, time: 1 },
        ...{ turn: first, nextToken: 1 },
      }),
      ...records.map((record) => encodeLine({ line: 'records', records: [record] })),
      encodeLine({ line: 'end', records: records.length }),
      ...Array.from({ length: count }, (_, n) => turnLine(first + n, 'x'.repeat(300 + ((n * 37) % 1_500)))),
    ]);
    return fileOf(content);
  }

  test('every one is found behind the start, and not far', async () => {
    const { file, bytes } = segment(501, 1_000);
    expect(bytes).toBeGreaterThan(4 * CHUNK);
    for (let turn = 499; turn <= 1_502; turn += 1) {
      const start = await startNear(file, turn, bytes);
      const { lines } = await linesFrom(file, start, bytes);
      const turns = lines.map((line) => peekTurn(line.bytes));
      const first = turns.find((one) => one !== undefined);
      // At the start of a line, and no later than the first line of the turn.
      if (turn > 501 && turn <= 1_500) expect(first ?? 0, `turn ${turn}`).toBeLessThanOrEqual(turn);
      const target = Math.max(turn, 501);
      const far = [
        ...turns,
        ...(await linesFrom(file, start + CHUNK, bytes)).lines.map((line) => peekTurn(line.bytes)),
      ];
      if (turn <= 1_500 && turn >= 501) expect(far, `turn ${turn}`).toContain(target);
    }
    file.close();
  });

  test('in a file of anything at all it starts somewhere', async () => {
    for (const content of [
      '',
      '\n',
      'x',
      'x'.repeat(3 * CHUNK),
      'x\n'.repeat(2 * CHUNK),
      '\n'.repeat(2 * CHUNK),
    ]) {
      const { file, bytes } = fileOf(content);
      const start = await startNear(file, 7, bytes);
      expect(start).toBeGreaterThanOrEqual(0);
      expect(start).toBeLessThanOrEqual(bytes);
      file.close();
    }
  });
});
