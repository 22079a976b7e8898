// `node --import late-writes.js bin/lockd.js`: a daemon that says a line of the journal is written some time before it is,
// as a disk does that lies. The negative control of the kills: they must find what it loses.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const LATE_MS = 40;

const { writeSync, readlinkSync } = fs;
const isJournal = new Map();

function isJournalFile(descriptor) {
  const known = isJournal.get(descriptor);
  if (known !== undefined) return known;
  const is = /\/journal-[^/]*\.jsonl$/.test(readlinkSync(`/proc/self/fd/${descriptor}`));
  // A temporary name becomes that of a segment: only then does it stay what it is.
  if (is) isJournal.set(descriptor, is);
  return is;
}

fs.writeSync = (descriptor, bytes, ...place) => {
  if (!isJournalFile(descriptor)) return writeSync(descriptor, bytes, ...place);
  const copy = Buffer.from(bytes);
  setTimeout(() => writeSync(descriptor, copy, ...place), LATE_MS);
  return bytes.length;
};
syncBuiltinESMExports();
