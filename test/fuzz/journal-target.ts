/**
 * Journals in which something is not as it was written: the start is refused in words that name the file, or what is
 * recovered is the state behind one of the turns, and no whole turn behind that one is passed over. A refused one can be
 * looked at and repaired, a recovered one goes on.
 */
import { StartRefused } from '../../src/disk/start-refused.js';
import { JournalDamaged, type RecoveredJournal, recoverJournal } from '../../src/store/journal/recovery.js';
import { salvageJournal } from '../../src/store/journal/salvage.js';
import { oneOf, type Random } from '../random.js';
import { insertPiece, mutateBytes } from './byte-mutations.js';
import { diskWith, type Journal, LAYOUT, makeJournals, openStore, otherFile, stateText } from './journals.js';
import type { MemoryDisk } from './memory-disk.js';
import { pack, unpack } from './packed.js';
import { must, mustEqual, type Target } from './target.js';

interface Head {
  readonly journal: number;
  /** The name of the file, if it is not its own. */
  readonly file?: string;
}

/** Inputs begin with one of so many. */
export const JOURNALS = 64;
let journals: readonly Journal[] = [];

const PIECES = [
  '\n',
  '\n\n',
  '{}',
  '\0',
  '"crc":"00000000"}\n',
  '{"line":"end","records":0}\n',
  'x'.repeat(5_000),
];

/** Of those with a length that so many divide: what is recovered is gone on with, and what is left is repaired. */
const GOES_ON = 8;
const IS_REPAIRED = 3;

function make(random: Random): Buffer {
  const journal = random(JOURNALS);
  const { bytes } = journals[journal] as Journal;
  const isRenamed = random(40) === 0;
  return pack({ journal, ...(isRenamed ? { file: otherFile(random) } : {}) }, mutated(bytes, random));
}

function mutated(bytes: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let left = random(20) === 0 ? -1 : random(2); left >= 0; left -= 1) {
    const kind = random(3);
    if (kind === 0) changed = mutateBytes(changed, random);
    else if (kind === 1) changed = mutateLines(changed, random);
    else changed = random(2) === 0 ? insertPiece(changed, random, PIECES) : cutOff(changed, random);
  }
  return changed;
}

/** As a crash does. */
function cutOff(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random(bytes.length + 1));
}

type LineMutation = (lines: string[], at: number, other: number) => string[];

const LINE_MUTATIONS: readonly LineMutation[] = [
  (lines, at) => lines.toSpliced(at, 1),
  (lines, at) => lines.toSpliced(at, 0, lines[at] ?? ''),
  (lines, at, other) => lines.with(at, lines[other] ?? '').with(other, lines[at] ?? ''),
  (lines, at, other) => lines.toSpliced(other, 0, lines[at] ?? ''),
  (lines, at) => lines.slice(0, at),
  (lines, at) => lines.toSpliced(at, 0, ''),
];

function mutateLines(bytes: Buffer, random: Random): Buffer {
  // As latin1 every byte is one character, and stays what it was.
  const lines = bytes.toString('latin1').split('\n');
  const changed = oneOf(random, LINE_MUTATIONS)(lines, random(lines.length), random(lines.length));
  return Buffer.from(changed.join('\n'), 'latin1');
}

function check(input: Buffer): string | Promise<string> {
  const { head, body } = unpack<Head>(input);
  const journal = journals[head.journal] as Journal;
  const file = head.file ?? journal.file;
  const disk = diskWith(file, body);
  const recovered = recoverOrRefuse(disk, LAYOUT.ownFile(file));
  if (body.length % IS_REPAIRED === 0) canBeRepaired(disk, recovered);
  if (recovered === undefined) {
    must(!isCutInATurn(journal, file, body), 'a journal that is cut in a turn, or behind one, is recovered');
    return 'refused';
  }
  const { turns } = recovered;
  must(file === journal.file, 'a segment by the name of another is refused');
  mustEqual(stateOf(recovered), journal.states[turns] ?? 'none', `the state behind turn ${turns}`);
  mustPassOverNone(journal, body, recovered);
  if (body.length % GOES_ON === 0) return goesOn(disk, stateOf(recovered));
  if (turns < journal.turns.length) return 'recovered up to a turn';
  return 'recovered whole';
}

function recoverOrRefuse(disk: MemoryDisk, path: string): RecoveredJournal | undefined {
  try {
    const recovered = recoverJournal(disk, LAYOUT);
    must(recovered !== undefined, 'a journal that is there is not taken for none');
    return recovered;
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    must(error.message.includes(path), `a refusal names the file: ${error.message}`);
    if (error instanceof JournalDamaged) {
      must(/lockd fsck .* mv /.test(error.message), `a refusal says how to go on: ${error.message}`);
    }
    return undefined;
  }
}

function stateOf({ records, nextToken }: RecoveredJournal): string {
  return stateText(records.values(), nextToken);
}

function isCutInATurn({ bytes, ends, file: own }: Journal, file: string, body: Buffer): boolean {
  const isCut = body.length >= (ends[0] ?? 0) && bytes.subarray(0, body.length).equals(body);
  return isCut && file === own;
}

/** Whoever was told of a turn that is still there, whole, must find it in what is recovered. */
function mustPassOverNone(
  { turns }: Journal,
  body: Buffer,
  { previous, turns: read }: RecoveredJournal,
): void {
  const whole = new Set(body.toString('utf8', previous.bytes).split('\n').slice(0, -1));
  for (const [index, turn] of turns.entries()) {
    if (index >= read) must(!whole.has(turn), `turn ${index} is there, but ${read} turns were read`);
  }
}

/** Whatever is wrong, a repair finds what is left; where nothing is wrong it finds the same. */
function canBeRepaired(disk: MemoryDisk, recovered: RecoveredJournal | undefined): void {
  const salvaged = salvageJournal(disk, LAYOUT);
  must(salvaged !== undefined, 'a repair sees the journal');
  const tokens = [...salvaged.records.values()].map((record) => ('token' in record ? record.token : 0));
  must(Math.max(0, ...tokens) < salvaged.nextToken, 'no token that was salvaged is given again');
  if (!recovered) return;
  const found = stateText(salvaged.records.values(), salvaged.nextToken);
  mustEqual(found, stateOf(recovered), 'a repair finds what the start finds');
}

/** A daemon starts on it, saves one more turn, and the next one finds both. */
async function goesOn(disk: MemoryDisk, before: string): Promise<string> {
  const store = await openStore(disk);
  const { nextToken } = store.recovered;
  mustEqual(stateText(store.recovered.records, nextToken), before, 'the store opens with what is recovered');
  const names = { resource: 'last', client: 'last' };
  const time = 1_000;
  const hold = {
    kind: 'hold',
    ...names,
    token: nextToken,
    limit: 1,
    acquired: time,
    from: 'x',
    waited: 0,
  } as const;
  const change = { event: 'granted', time, ...names, token: nextToken, put: [hold] } as const;
  await store.commit({ changes: [change], nextToken: nextToken + 1 }, { onlyFrees: false });
  const [newest] = await store.history({ count: 1_000 });
  must(newest?.token === nextToken, 'history has the newest turn first');
  const after = stateText(store.recovered.records, nextToken + 1);
  await store.close();
  const next = recoverJournal(disk, LAYOUT);
  must(next !== undefined, 'the journal that goes on is there');
  mustEqual(stateOf(next), after, 'the next start finds what was saved');
  return 'recovered, and went on';
}

export const journalTarget: Target = {
  name: 'journal',
  patienceMs: 500,
  prepare: async () => {
    journals = await makeJournals(JOURNALS);
  },
  make,
  check,
};
