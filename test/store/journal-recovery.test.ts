import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StoredRecord } from '../../src/core/records.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { encodeLine, type HeadLine, type Line } from '../../src/store/journal/format.js';
import { JournalDamaged, recoverJournal } from '../../src/store/journal/recovery.js';
import {
  crashCopy,
  grant,
  hold,
  inOrder,
  LOCK,
  newestSegment,
  openJournal,
  put,
  recovered,
  remove,
  segmentNames,
  temporaryDirectory,
  turn,
  unlock,
} from './fixture.js';
import { HeldDisk } from './held-disk.js';

/** A journal with a segment of five turns. `sizes[n]` are the bytes up to turn n, `states[n]` what was saved then. */
async function fiveTurns() {
  const directory = temporaryDirectory();
  const { store, layout } = await openJournal(directory);
  const sizes = [store.bytes];
  const states: StoredRecord[][] = [[]];
  for (const one of [
    grant(1),
    grant(2, 'ä "quoted" \u2028'),
    turn(4, put(hold(3, 'r3')), remove(hold(1, 'r1'))),
    unlock(2, 4, 'ä "quoted" \u2028'),
    turn(6, put(hold(4, 'r4', 'bob')), put(hold(5, 'r5', 'x', 'note'))),
  ]) {
    await store.commit(one, LOCK);
    sizes.push(store.bytes);
    states.push(inOrder(store.recovered.records));
  }
  await store.close();
  const path = newestSegment(directory);
  return { directory, layout, path, bytes: fs.readFileSync(path), sizes, states };
}

function linesOf(bytes: Buffer): string[] {
  return bytes.toString('utf8').split('\n').slice(0, -1);
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof StartRefused) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The journal of `lines`, in a directory of its own. */
function journalOf(...lines: (Line | string)[]): string {
  const directory = temporaryDirectory();
  const { own } = new Layout(directory);
  fs.mkdirSync(own);
  const bytes = lines.map((line) => (typeof line === 'string' ? Buffer.from(line) : encodeLine(line)));
  fs.writeFileSync(join(own, 'journal-0000000001-0000000001.jsonl'), Buffer.concat(bytes));
  return directory;
}

const HEAD: HeadLine = {
  line: 'head',
  format: 1,
  directory: 'd',
  epoch: 1,
  segment: 1,
  time: 0,
  turn: 10,
  nextToken: 5,
};
const EMPTY: Line = { line: 'end', records: 0 };

function turnLine(number: number): Line {
  return { line: 'turn', turn: number, nextToken: number, changes: [put(hold(number, `r${number}`))] };
}

describe('a journal that ends in the middle of a turn', () => {
  test('cut at any byte of its turns: every whole turn is there, the cut one is not, with a warning', async () => {
    const { layout, path, bytes, sizes, states } = await fiveTurns();
    for (let end = sizes[0] ?? 0; end <= bytes.length; end += 1) {
      fs.writeFileSync(path, bytes.subarray(0, end));
      const journal = recoverJournal(nodeDisk, layout);
      const whole = sizes.filter((size) => size <= end).length - 1;
      expect(inOrder(journal?.records.values() ?? []), `cut at ${end}`).toEqual(states[whole]);
      expect(journal?.previous.bytes).toBe(sizes[whole]);
      expect(journal?.turns).toBe(whole);
      const isTorn = sizes[whole] !== end;
      expect(journal?.warnings).toEqual(
        isTorn ? [`${path}, line ${whole + 3}: a turn that was never acknowledged is ignored`] : [],
      );
    }
  });

  test('it starts, warns, and goes on behind what is good', async () => {
    const { directory, path, bytes, sizes, states } = await fiveTurns();
    fs.truncateSync(path, bytes.length - 10);
    const { store, warnings } = await openJournal(directory);
    expect(warnings).toEqual([`${path}, line 7: a turn that was never acknowledged is ignored`]);
    await store.commit(grant(9), LOCK);
    expect(recovered(directory).records).toEqual(inOrder([...(states[4] ?? []), hold(9, 'r9')]));
    expect(headOf(directory).previous).toEqual({ name: basename(path), bytes: sizes[4] });
    // What is cut off stays there for who wants to look.
    expect(fs.statSync(path).size).toBe(bytes.length - 10);
  });

  test.each([
    ['zeros', Buffer.alloc(5_000)],
    ['half a line', Buffer.from('{"line":"turn","turn":6,"nextToken":7')],
    ['several lines of garbage', Buffer.from('x\ny\nz')],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x0a, 0xc0])],
  ])('%s behind the last turn are ignored', async (_, garbage) => {
    const { directory, path, states } = await fiveTurns();
    fs.appendFileSync(path, garbage);
    const journal = recovered(directory);
    expect(journal.records).toEqual(states[5]);
    expect(journal.warnings).toEqual([`${path}, line 8: a turn that was never acknowledged is ignored`]);
  });

  test('however the disk tore the last turn, parts of it are ignored', async () => {
    const { directory, path, bytes, sizes, states } = await fiveTurns();
    const start = sizes[4] ?? 0;
    for (let from = start; from < bytes.length; from += 7) {
      for (let to = from + 1; to <= bytes.length; to += 7) {
        const copy = Buffer.from(bytes);
        copy.fill('\n', from, to);
        fs.writeFileSync(path, copy);
        expect(recovered(directory).records, `without ${from} to ${to}`).toEqual(states[4]);
      }
    }
  });

  test('as many zeros as no line has are ignored too, in bounded memory', async () => {
    const { directory, path, bytes, states } = await fiveTurns();
    fs.truncateSync(path, bytes.length + (70 << 20));
    expect(recovered(directory).records).toEqual(states[5]);
    fs.appendFileSync(path, Buffer.concat([Buffer.from('\n'), encodeLine(turnLine(6))]));
    expect(messageOf(() => recovered(directory))).toContain(`${path}, line 8:`);
  });

  test('a crash before the flush leaves the turn or not, and never a part of it', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { store } = await openJournal(directory, { disk: held.disk });
    await store.commit(grant(1), LOCK);
    const acknowledged = store.bytes;
    held.hold();
    const commit = store.commit(turn(4, put(hold(2, 'r2')), put(hold(3, 'r3'))), LOCK);
    await held.held();
    const path = newestSegment(crashCopy(directory));
    const bytes = fs.readFileSync(path);
    expect(bytes.length).toBeGreaterThan(acknowledged);
    for (let end = acknowledged; end <= bytes.length; end += 1) {
      fs.writeFileSync(path, bytes.subarray(0, end));
      const { records } = recovered(join(path, '../..'));
      expect(records).toHaveLength(end === bytes.length ? 3 : 1);
    }
    held.release();
    expect(await commit).toMatchObject({ saved: true });
  });
});

describe('a journal that is not what was written', () => {
  test('a flipped bit with good lines behind it refuses the start, wherever it is', async () => {
    const { directory, layout, path, bytes, sizes } = await fiveTurns();
    const lines = linesOf(bytes);
    let start = 0;
    for (const [index, line] of lines.slice(0, -1).entries()) {
      const length = Buffer.byteLength(line);
      for (const at of [0, 1, length >> 1, length - 2, length - 1]) {
        const copy = Buffer.from(bytes);
        copy[start + at] = (copy[start + at] ?? 0) ^ 4;
        fs.writeFileSync(path, copy);
        expect(messageOf(() => recovered(directory))).toBe(
          `The journal is damaged: ${path}, line ${index + 1}: the line is not whole, but line ${index + 2} behind ` +
            `it is good. Nothing was changed. Look at it with: lockd fsck ${directory}. ` +
            `To go on without this journal: mv ${layout.own} ${layout.own}.damaged (every lock file becomes a lock ` +
            'again; lines, keys and history of that journal are gone)',
        );
      }
      start += length + 1;
    }
    expect(start).toBe(sizes[4]);
  });

  test('a flipped bit in the last turn that was acknowledged is found where a torn one was begun behind it', async () => {
    const { directory, path, bytes, sizes } = await fiveTurns();
    const [from = 0, to = 0] = sizes.slice(3);
    for (const end of [to + '{"line":"turn"'.length, to + 40, bytes.length - 1]) {
      for (let at = from; at < to; at += 1) {
        const copy = Buffer.from(bytes.subarray(0, end));
        copy[at] = (copy[at] ?? 0) ^ 4;
        fs.writeFileSync(path, copy);
        expect(
          messageOf(() => recovered(directory)),
          `byte ${at} of ${end}`,
        ).toContain(`${path}, line 6: the line is not whole, but a further turn was begun behind it.`);
      }
    }
  });

  test('a line feed that became something else joins two lines, which is found', async () => {
    const { directory, path, bytes, sizes } = await fiveTurns();
    const copy = Buffer.from(bytes);
    copy[(sizes[2] ?? 0) - 1] = 0x20;
    fs.writeFileSync(path, copy);
    expect(messageOf(() => recovered(directory))).toContain(`${path}, line 4: the line is not whole`);
  });

  test('the refused start changes nothing, and says file and line to programs, too', async () => {
    const { directory, path, bytes } = await fiveTurns();
    const lines = linesOf(bytes);
    fs.writeFileSync(path, `${[...lines.slice(0, 3), 'x', ...lines.slice(4)].join('\n')}\n`);
    const before = fs.readFileSync(path);
    const refused = await openJournal(directory).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(JournalDamaged);
    expect(refused).toMatchObject({ file: path, line: 4 });
    expect(segmentNames(directory)).toEqual([basename(path)]);
    expect(fs.readFileSync(path)).toEqual(before);
  });

  const second = `${temporaryText(turnLine(10))}`;
  test.each<[string, (Line | string)[], number, string]>([
    ['nothing at all', [], 1, 'the snapshot is not complete'],
    ['garbage alone', ['garbage\n'], 1, 'the snapshot is not complete'],
    ['a head alone', [HEAD], 2, 'the snapshot is not complete'],
    ['a torn end mark', [HEAD, '{"line":"end","rec'], 2, 'the snapshot is not complete'],
    ['no head', [EMPTY, turnLine(10)], 1, 'the head is missing'],
    ['a turn in the snapshot', [HEAD, turnLine(10)], 2, 'a line of kind "turn" stands in the snapshot'],
    ['a second head', [HEAD, EMPTY, HEAD], 3, 'a line of kind "head" stands among the turns'],
    ['a second end', [HEAD, EMPTY, EMPTY], 3, 'a line of kind "end" stands among the turns'],
    ['records missing', [HEAD, { line: 'end', records: 3 }], 2, 'the snapshot has 0 of 3 records'],
    [
      'the first turn missing',
      [HEAD, EMPTY, turnLine(11)],
      3,
      'turn 10 is missing; turn 11 stands in its place',
    ],
    [
      'a turn missing in the middle',
      [HEAD, EMPTY, turnLine(10), turnLine(12), turnLine(13)],
      4,
      'turn 11 is missing; turn 12 stands in its place',
    ],
    ['a turn twice', [HEAD, EMPTY, second, second], 4, 'turn 11 is missing; turn 10 stands in its place'],
  ])('%s is refused', (_, lines, line, damage) => {
    const directory = journalOf(...lines);
    const text = messageOf(() => recovered(directory));
    expect(text).toContain(`${newestSegment(directory)}, line ${line}: ${damage}. Nothing was changed.`);
  });

  test('a newer format is refused with a text of its own', () => {
    const directory = journalOf({ ...HEAD, format: 2 }, EMPTY);
    expect(messageOf(() => recovered(directory))).toBe(
      `${newestSegment(directory)} was written by a newer lockd (format 2); start that version, or a later one`,
    );
  });

  test('whatever is wrong with older segments is no matter', async () => {
    const { directory, path, states } = await fiveTurns();
    await openJournal(directory);
    fs.writeFileSync(path, 'garbage');
    expect(recovered(directory).records).toEqual(states[5]);
    const { warnings } = await openJournal(directory);
    expect(warnings).toEqual([]);
  });
});

describe('where the journal begins and ends', () => {
  test('no journal at all: a new directory', async () => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory);
    expect(store.isNew).toBe(true);
    expect(store.id).toBe('directory-1');
    expect(headOf(directory)).toEqual({
      line: 'head',
      format: 1,
      directory: 'directory-1',
      epoch: 1,
      segment: 1,
      time: 1_000,
      turn: 1,
      nextToken: 1,
      crc: expect.any(String),
    });
  });

  test('the id of the directory stays, and the heads name what stands before them', async () => {
    const directory = temporaryDirectory();
    for (let start = 1; start <= 4; start += 1) {
      const { store } = await openJournal(directory, { makeId: () => `made at start ${start}` });
      expect(store.isNew).toBe(start === 1);
      expect(store.id).toBe('made at start 1');
      await store.commit(grant(start), LOCK);
      await store.close();
    }
    const names = segmentNames(directory);
    expect(names).toHaveLength(4);
    for (const [index, name] of names.entries()) {
      const head = headOf(directory, name);
      expect(head).toMatchObject({ epoch: index + 1, segment: 1, turn: index + 1, nextToken: index + 1 });
      const before = names[index - 1];
      expect(head.previous).toEqual(
        before && { name: before, bytes: fs.statSync(join(directory, '.lockd', before)).size },
      );
    }
  });

  test('the newest segment is the one of the highest epoch, then of the highest number', async () => {
    const directory = temporaryDirectory();
    const { own } = new Layout(directory);
    fs.mkdirSync(own);
    for (const [epoch, segment] of [
      [2, 1],
      [10, 1],
      [10, 2],
      [9, 99],
    ] as const) {
      const name = `journal-${String(epoch).padStart(10, '0')}-${String(segment).padStart(10, '0')}.jsonl`;
      const head = { ...HEAD, epoch, segment, directory: `${epoch}-${segment}` };
      fs.writeFileSync(join(own, name), Buffer.concat([encodeLine(head), encodeLine(EMPTY)]));
    }
    expect(recovered(directory).directoryId).toBe('10-2');
  });

  test('unknown names are left alone, temporary files are removed', async () => {
    const directory = temporaryDirectory();
    await (await openJournal(directory)).store.close();
    const own = new Layout(directory).own;
    const unknown = ['journal-1-1.jsonl', 'journal-0000000009-0000000001.jsonl.old', 'notes.txt'];
    for (const name of unknown) fs.writeFileSync(join(own, name), 'garbage');
    fs.writeFileSync(join(own, 'journal-0000000001-0000000002.jsonl.tmp'), 'garbage');
    const successors = 'journal-0000000009-0000000001.jsonl.tmp';
    fs.writeFileSync(join(own, successors), 'in use');
    const { store } = await openJournal(directory);
    expect(store.isNew).toBe(false);
    const names = fs.readdirSync(own);
    expect(names).toEqual(expect.arrayContaining(unknown));
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([successors]);
  });

  test('a big snapshot is written in many lines and read back whole', async () => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory);
    const records = Array.from({ length: 900 }, (_, index) =>
      hold(index + 1, `r${index}`, 'c', 'n'.repeat(1_000)),
    );
    await store.commit(turn(901, ...records.map(put)), LOCK);
    await store.close();
    await openJournal(directory);
    const lines = linesOf(fs.readFileSync(newestSegment(directory)));
    expect(lines.length).toBeGreaterThan(10);
    expect(recovered(directory).records).toEqual(inOrder(records));
  });
});

function temporaryText(line: Line): string {
  return encodeLine(line).toString('utf8');
}

function headOf(directory: string, name?: string): HeadLine {
  const path = name === undefined ? newestSegment(directory) : join(new Layout(directory).own, name);
  return JSON.parse(linesOf(fs.readFileSync(path))[0] ?? '') as HeadLine;
}
