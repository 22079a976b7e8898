import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareSegments,
  isTemporaryFile,
  Layout,
  parseEpochFile,
  parseSegmentFile,
  parseSlotsDirectory,
  segmentFile,
  temporaryFile,
} from '../../src/disk/layout.js';

const layout = new Layout('/locks');
const number = fc.integer({ min: 0, max: 9_999_999_999 });
const below = (path: string) => path.slice('/locks/.lockd/'.length);

describe('names below the lock directory', () => {
  test('stand where a person looks for them', () => {
    expect(layout.lockFile('resource1.lock')).toBe('/locks/resource1.lock');
    expect(layout.epoch(3)).toBe('/locks/.lockd/epoch-0000000003');
    expect(layout.segment({ epoch: 3, segment: 7 })).toBe(
      '/locks/.lockd/journal-0000000003-0000000007.jsonl',
    );
    expect(layout.slots(3)).toBe('/locks/.lockd/slots-0000000003');
    expect(
      [layout.adopted, layout.daemonLock, layout.owner, layout.guard, layout.reserve].map(below),
    ).toEqual(['adopted', 'daemon.lock', 'owner.json', 'guard', 'reserve']);
    expect(layout.fenceFile(7)).toBe('/locks/.lockd/fence-7');
    expect(layout.ownFile('x')).toBe('/locks/.lockd/x');
  });

  test('are parsed as they were built', () => {
    fc.assert(
      fc.property(number, number, (epoch, segment) => {
        expect(parseEpochFile(below(layout.epoch(epoch)))).toBe(epoch);
        expect(parseSlotsDirectory(below(layout.slots(epoch)))).toBe(epoch);
        expect(parseSegmentFile(segmentFile({ epoch, segment }))).toEqual({ epoch, segment });
        expect(below(layout.segment({ epoch, segment }))).toBe(segmentFile({ epoch, segment }));
      }),
    );
  });

  test('sort as their numbers do', () => {
    fc.assert(
      fc.property(number, number, number, number, (epoch, segment, otherEpoch, otherSegment) => {
        const a = { epoch, segment };
        const b = { epoch: otherEpoch, segment: otherSegment };
        const [first, second] = [segmentFile(a), segmentFile(b)];
        expect(Math.sign(compareSegments(a, b))).toBe(first < second ? -1 : Number(first > second));
      }),
    );
  });

  test('are no name of another kind', () => {
    const names = [below(layout.epoch(1)), below(layout.slots(1)), segmentFile({ epoch: 1, segment: 1 })];
    const parsers = [parseEpochFile, parseSlotsDirectory, parseSegmentFile];
    for (const [row, name] of names.entries()) {
      for (const [column, parse] of parsers.entries()) {
        expect(parse(name) !== undefined, name).toBe(row === column);
      }
    }
  });

  test.each([
    'epoch-1',
    'epoch-00000000001',
    'epoch-000000000x',
    'epoch-0000000001.tmp',
    'xepoch-0000000001',
    'slots-1',
    'journal-0000000001.jsonl',
    'journal-0000000001-0000000001.jsonl.tmp',
    'journal-0000000001-0000000001xjsonl',
    'epoch-0000000001\n',
    '',
  ])('%j is none of them', (name) => {
    expect([parseEpochFile(name), parseSlotsDirectory(name), parseSegmentFile(name)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('say when they are temporary', () => {
    expect(isTemporaryFile(temporaryFile('journal'))).toBe(true);
    expect(isTemporaryFile('journal')).toBe(false);
    expect(parseSegmentFile(temporaryFile(segmentFile({ epoch: 1, segment: 1 })))).toBeUndefined();
  });
});
