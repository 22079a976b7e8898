import { nodeDisk } from '../../src/disk/node-disk.js';
import { MemoryStore } from '../../src/store/memory.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { testStoreContract } from './contract.js';
import { crashCopy, openJournal, temporaryDirectory } from './fixture.js';
import type { StorePlace } from './store-place.js';

testStoreContract('in memory', memoryPlace, false);
testStoreContract('a journal in a directory', () => journalPlace());
testStoreContract('a journal that begins new segments all the time', () => journalPlace(1));

function memoryPlace(): StorePlace {
  let last: MemoryStore | undefined;
  const open = async () => {
    last = new MemoryStore(last);
    return last;
  };
  return { open, openAfterCrash: open };
}

function journalPlace(segmentBytes?: number): StorePlace {
  let directory = temporaryDirectory();
  const faulty = new FaultyDisk(nodeDisk);
  const open = async () =>
    (await openJournal(directory, { faulty, ...(segmentBytes === undefined ? {} : { segmentBytes }) })).store;
  return {
    open,
    openAfterCrash() {
      directory = crashCopy(directory);
      return open();
    },
    refuseNext: () => faulty.failNext('write', { code: 'ENOSPC', path: /journal.*jsonl/, shortBytes: 20 }),
  };
}
