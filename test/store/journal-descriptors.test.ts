/** A new segment where hardly any descriptor is left: it is begun or put off, and never left without anybody knowing. */
import { expect, test } from 'vitest';
import type { Disk, OpenFile } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { grant, LOCK, openJournal, recovered, segmentNames, temporaryDirectory } from './fixture.js';

/** A disk that has so many descriptors and no more; that of a flushed directory is taken by a connection afterwards. */
class ScarceDisk implements Disk {
  free = Number.POSITIVE_INFINITY;
  /** Somebody else takes whatever becomes free, as soon as he has his turn. */
  isContested = false;

  #take(): void {
    if (this.free <= 0) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    this.free -= 1;
  }

  #steal(): void {
    if (this.free > 0) this.free -= 1;
  }

  #counted(open: () => OpenFile): OpenFile {
    this.#take();
    const file = open();
    const close = () => {
      file.close();
      this.free += 1;
      if (this.isContested) queueMicrotask(() => this.#steal());
    };
    return new Proxy(file, {
      get: (target, name) => {
        if (name === 'close') return close;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  create = (path: string) => this.#counted(() => nodeDisk.create(path));
  open = (path: string, access: 'read' | 'write') => this.#counted(() => nodeDisk.open(path, access));
  list = nodeDisk.list;
  listLater = nodeDisk.listLater;
  stat = nodeDisk.stat;
  exists = nodeDisk.exists;
  makeDirectory = nodeDisk.makeDirectory;
  removeDirectory = nodeDisk.removeDirectory;
  link = nodeDisk.link;
  rename = nodeDisk.rename;
  unlink = nodeDisk.unlink;

  async syncDirectory(directory: string): Promise<void> {
    this.#take();
    await nodeDisk.syncDirectory(directory);
  }
}

test.each([0, 1, 2, 3, 4])('%i descriptors: every turn is saved, and the journal goes on', async (left) => {
  const directory = temporaryDirectory();
  const scarce = new ScarceDisk();
  const { store, warnings } = await openJournal(directory, {
    faulty: new FaultyDisk(scarce),
    segmentBytes: 1_000,
  });
  const before = segmentNames(directory).length;
  scarce.free = left;
  let token = 1;
  for (; token <= 30; token += 1)
    expect(await store.commit(grant(token), LOCK)).toMatchObject({ saved: true });
  // One for the new segment, one to flush the directory, one to look whether the name has lasted.
  if (left >= 3) expect(segmentNames(directory).length).toBeGreaterThan(before);
  else expect(warnings).not.toEqual([]);
  for (const warning of warnings) expect(warning).toMatch(/No new journal segment could be begun \(EMFILE/);

  scarce.free = Number.POSITIVE_INFINITY;
  for (; token <= 60; token += 1)
    expect(await store.commit(grant(token), LOCK)).toMatchObject({ saved: true });
  await store.close();
  expect(segmentNames(directory).length).toBeGreaterThan(before);
  expect(recovered(directory).records).toHaveLength(60);
});

test('a descriptor that was kept to look whether the name has lasted is nobody else’s', async () => {
  const directory = temporaryDirectory();
  const scarce = new ScarceDisk();
  const { store } = await openJournal(directory, { faulty: new FaultyDisk(scarce), segmentBytes: 1_000 });
  const before = segmentNames(directory).length;
  scarce.free = 3;
  scarce.isContested = true;
  for (let token = 1; token <= 30; token += 1) {
    expect(await store.commit(grant(token), LOCK)).toMatchObject({ saved: true });
  }
  await store.close();
  expect(segmentNames(directory).length).toBeGreaterThan(before);
  expect(recovered(directory).records).toHaveLength(30);
});
