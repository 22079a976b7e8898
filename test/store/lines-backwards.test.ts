import * as fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OpenFile } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { linesBackwards } from '../../src/store/journal/lines-backwards.js';
import { temporaryDirectory } from './fixture.js';

const CHUNK = 256 << 10;

async function linesOf(file: OpenFile, end: number): Promise<string[]> {
  const found: string[] = [];
  for await (const lines of linesBackwards(file, end)) {
    for (const line of lines) found.push(line.toString('latin1'));
  }
  return found;
}

function fileOf(content: string): OpenFile {
  const path = join(temporaryDirectory(), 'file');
  fs.writeFileSync(path, content, 'latin1');
  return nodeDisk.open(path, 'read');
}

/** Lengths at which a chunk, or two, can end one byte early, at once, or one byte late. */
const arbitraryLength = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 5 }) },
  fc.constantFrom(CHUNK - 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK),
);

test('every line before the end is found once, last first, wherever chunks end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryLength, { maxLength: 8 }), fc.boolean(), async (lengths, isShort) => {
      const lines = lengths.map((length, n) => String(n % 10).repeat(length));
      const file = fileOf(`${lines.map((line) => `${line}\n`).join('')}what comes later`);
      const end = lengths.reduce((sum, length) => sum + length + 1, 0);
      // A disk may always give less than it was asked for.
      const readLater = (target: Uint8Array, position: number) =>
        file.readLater(isShort ? target.subarray(0, Math.ceil(target.length / 3)) : target, position);
      const given: OpenFile = isShort ? { ...closing(file), readLater } : file;
      expect(await linesOf(given, end)).toEqual(lines.filter((line) => line !== '').reverse());
      file.close();
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['no byte', 'a\nb\n', 0, []],
  ['less than nothing', 'a\nb\n', -5, []],
  ['more than there is', 'a\nb\n', 1_000, ['b', 'a']],
  ['the middle of a line', 'ab\ncd\n', 4, ['c', 'ab']],
  ['no line feed at all', 'abc', 3, ['abc']],
])('up to %s', async (_, content, end, lines) => {
  const file = fileOf(content);
  expect(await linesOf(file, end)).toEqual(lines);
  file.close();
});

test('what is too long for a line is left out, in bounded memory', async () => {
  const file = fileOf('first\n');
  const longest = 64 << 20;
  const size = 6 + 2 * longest;
  // Behind the first line there is nothing but zeros, and one short line.
  const readLater = async (target: Uint8Array, position: number) => {
    target.fill(0);
    const text = new Map([
      [0, 'first\n'],
      [size, '\nlast\n'],
    ]);
    for (const [at, bytes] of text) {
      for (let n = 0; n < bytes.length; n += 1) {
        if (at + n >= position && at + n < position + target.length)
          target[at + n - position] = bytes.charCodeAt(n);
      }
    }
    return target.length;
  };
  const before = process.memoryUsage().arrayBuffers;
  expect(await linesOf({ ...closing(file), readLater }, size + 6)).toEqual(['last', 'first']);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * longest);
  file.close();
});

function closing(file: OpenFile): OpenFile {
  return {
    inode: file.inode,
    links: file.links,
    write: (bytes, position) => file.write(bytes, position),
    read: (target, position) => file.read(target, position),
    readLater: (target, position) => file.readLater(target, position),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}
