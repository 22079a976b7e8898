/**
 * Power cuts: under load, or in the start of a daemon, the file system is shut down, so that nothing reaches its disk any
 * more; the next daemon finds what was there.
 */
import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listening, startServe } from '../daemon.js';
import { oneOf, type Random } from '../random.js';
import { Disk, type FileSystem, run } from '../wide/mounts.js';
import type { Place, Start } from './place.js';
import { STARTS } from './place.js';
import type { Series } from './series.js';

const LONGEST_LOAD_MS = 800;
const LONGEST_START_MS = 500;

/** One cut in so many comes while the daemon starts. */
const START_SHARE = 6;

/** Whatever a daemon answers while it notices must be true as well. */
const LAST_WORDS_MS = 200;

/** A machine takes longer to start again than a heartbeat lasts. */
function growOld(directory: string): void {
  const lock = join(directory, '.lockd/daemon.lock');
  if (existsSync(lock)) utimesSync(lock, 0, 0);
}

/** A disk whose directory has had a daemon, which is flushed: a cut in the first seconds of a new one is another matter. */
async function preparedDisk(kind: FileSystem): Promise<{ disk: Disk; directory: string }> {
  const disk = new Disk(kind, kind === 'xfs' ? 320 : 64);
  const directory = join(disk.path, 'locks');
  const first = await listening(startServe([], directory), directory);
  await first.daemon.kill();
  run('sync', '-f', disk.path);
  return { disk, directory };
}

/** A daemon works, or only starts, until the power is cut; then it comes back. */
async function liveUntilCut(place: Place, disk: Disk, start: Start, random: Random): Promise<void> {
  if (random(START_SHARE) === 0) await cutInStart(place, disk, start, random(LONGEST_START_MS));
  else await cutInWork(place, disk, start, random(LONGEST_LOAD_MS));
  disk.unmount();
  disk.mount();
  growOld(place.directory);
}

async function cutInStart(place: Place, disk: Disk, start: Start, milliseconds: number): Promise<void> {
  const starting = place.startInVain(start, milliseconds + LAST_WORDS_MS);
  await sleep(milliseconds);
  disk.cutPower();
  await starting;
}

async function cutInWork(place: Place, disk: Disk, start: Start, milliseconds: number): Promise<void> {
  let isCut = false;
  const cutPower = () => {
    if (!isCut) disk.cutPower();
    isCut = true;
  };
  const end = async () => {
    await sleep(100 + milliseconds);
    cutPower();
    await sleep(LAST_WORDS_MS);
  };
  // A daemon that was not even there is no reason to leave the disk as it is.
  await place.live({ start, mayEnd: true, end }).finally(cutPower);
}

export function powerCuts(kind: FileSystem): Series {
  return {
    perPlace: 25,
    begin: async (random) => {
      const { disk, directory } = await preparedDisk(kind);
      return { directory, step: (place) => liveUntilCut(place, disk, oneOf(random, STARTS), random) };
    },
  };
}

const NO_FLUSH = ['-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:retval=0'];
const LYING: Start = (directory) =>
  startServe([], directory, { through: ['strace', '-D', '-f', '-qq', '-o', '/dev/null', ...NO_FLUSH] });

/** The negative control: a disk that says yes to every flush and does none. Each on a disk of its own. */
export function cutsOfLyingDisk(kind: FileSystem): Series {
  return {
    isControl: true,
    perPlace: 1,
    begin: async (random) => {
      const { disk, directory } = await preparedDisk(kind);
      const step = async (place: Place) => {
        await cutInWork(place, disk, LYING, random(LONGEST_LOAD_MS));
        disk.unmount();
        disk.mount();
        growOld(directory);
      };
      return { directory, step };
    },
  };
}
