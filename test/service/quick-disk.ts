/**
 * The disk of this machine without its waiting: flushes end at once, so that a manual clock can move on as soon as the
 * event loop has turned. Files and names are real.
 */
import type { Disk, OpenFile } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';

export const quickDisk: Disk = {
  ...nodeDisk,
  create: (path) => quick(nodeDisk.create(path)),
  open: (path, access) => quick(nodeDisk.open(path, access)),
  syncDirectory: async () => undefined,
};

function quick(file: OpenFile): OpenFile {
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
    sync: async () => undefined,
    close: () => file.close(),
  };
}
