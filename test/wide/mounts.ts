/** File systems of their own: small ones in memory, and whole disks in a file that can lose their power. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atLast } from '../at-last.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** Runs a command to its end; throws with what it said if it fails. */
export function run(program: string, ...words: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? stderr}`);
}

function unmountAtLast(path: string): void {
  atLast(() => {
    // Lazily, so that nothing that still looks at it leaves it behind; it may be unmounted already.
    spawnSync('umount', ['--lazy', path]);
  });
}

/** A file system in memory, as `size=64k,nr_inodes=64` says. Answers where it is mounted. */
export function mountTmpfs(options: string): string {
  const path = temporaryDirectory();
  run('mount', '-t', 'tmpfs', '-o', `mode=0700,${options}`, 'lockd-test', path);
  unmountAtLast(path);
  return path;
}

export type FileSystem = 'ext4' | 'xfs';

const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  // Nothing is kept back for root, who runs the tests.
  ext4: ['mkfs.ext4', '-q', '-F', '-m', '0'],
  xfs: ['mkfs.xfs', '-q', '-f'],
};

/** A disk in a file. */
export class Disk {
  readonly path: string;
  readonly #image: string;

  constructor(kind: FileSystem, megabytes: number) {
    const directory = temporaryDirectory();
    this.#image = join(directory, 'image');
    this.path = join(directory, 'mounted');
    writeFileSync(this.#image, '');
    truncateSync(this.#image, megabytes << 20);
    mkdirSync(this.path);
    const [make = '', ...words] = MAKE[kind];
    run(make, ...words, this.#image);
    unmountAtLast(this.path);
    this.mount();
  }

  mount(options = 'defaults'): void {
    run('mount', '-o', `loop,${options}`, this.#image, this.path);
  }

  unmount(): void {
    run('umount', this.path);
  }

  /** From here on nothing reaches the disk any more, and every call on it fails. */
  cutPower(): void {
    run('xfs_io', '-x', '-c', 'shutdown', this.path);
  }
}
