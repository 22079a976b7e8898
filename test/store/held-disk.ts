/** A disk whose flushes are held open by hand: what must wait for a flush can be seen to wait. */
import type { Disk, OpenFile } from '../../src/disk/disk.js';

export class HeldDisk {
  readonly disk: Disk;
  #hold: RegExp | undefined;
  #waiting: (() => void)[] = [];
  #announce: (() => void)[] = [];

  constructor(inner: Disk) {
    this.disk = {
      ...bound(inner),
      create: (path) => this.#wrap(path, inner.create(path)),
      open: (path, access) => this.#wrap(path, inner.open(path, access)),
    };
  }

  /** From now on flushes of files with such a path do not end. */
  hold(path = /journal/): void {
    this.#hold = path;
  }

  /** Resolves when a flush is being held. */
  async held(): Promise<void> {
    if (this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => this.#announce.push(resolve));
  }

  /** Lets all flushes end, these and later ones. */
  release(): void {
    this.#hold = undefined;
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  /** Lets the flushes end that are held now; later ones are held again. */
  releaseOnce(): void {
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  #wrap(path: string, file: OpenFile): OpenFile {
    return {
      get inode() {
        return file.inode;
      },
      get links() {
        return file.links;
      },
      write: (bytes, position) => file.write(bytes, position),
      read: (target, position) => file.read(target, position),
      readLater: (target, position) => file.readLater(target, position),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
      sync: async () => {
        if (this.#hold?.test(path)) {
          const released = new Promise<void>((resolve) => this.#waiting.push(resolve));
          for (const tell of this.#announce.splice(0)) tell();
          await released;
        }
        await file.sync();
      },
    };
  }
}

function bound(disk: Disk): Omit<Disk, 'create' | 'open'> {
  return {
    list: (directory) => disk.list(directory),
    listLater: (directory) => disk.listLater(directory),
    stat: (path) => disk.stat(path),
    exists: (path) => disk.exists(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    removeDirectory: (path) => disk.removeDirectory(path),
    link: (from, to) => disk.link(from, to),
    rename: (from, to) => disk.rename(from, to),
    unlink: (path) => disk.unlink(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
  };
}
