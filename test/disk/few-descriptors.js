// `node few-descriptors.js DIRECTORY`: flushes a directory when no descriptor is left any more, twice, and says so.
import { openSync } from 'node:fs';
import { nodeDisk } from '../../dist/disk/node-disk.js';

const directory = process.argv[2];
// As every start does.
await nodeDisk.syncDirectory(directory);
try {
  for (;;) openSync('/dev/null');
} catch (error) {
  console.log(error.code);
}
await nodeDisk.syncDirectory(directory);
await nodeDisk.syncDirectory(directory);
console.log('flushed');
