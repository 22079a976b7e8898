/** Disks that become full under load, and daemons that run out of descriptors: what is refused has not happened. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atLast } from '../at-last.js';
import { Wire } from '../http/wire.js';
import { oneOf, type Random } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { Filler } from '../wide/filler.js';
import { Disk, mountTmpfs } from '../wide/mounts.js';
import type { Place } from './place.js';
import { STARTS, type Start } from './place.js';
import type { Series } from './series.js';

/** Long enough that the room written ahead is used up too. */
const FULL_MS = 1_500;

const PLAIN = STARTS[0] as Start;

/** The disk becomes full under load, and the daemon is killed; the next one begins on what is left. */
async function fillUp(place: Place, filler: Filler, random: Random): Promise<void> {
  const start = oneOf(random, STARTS);
  const isFreed = random(3) === 0;
  await place.live({
    start,
    // Lock files may lag behind what is held; a daemon with space is asked for them at the end.
    withLockFiles: false,
    end: async () => {
      await sleep(random(200));
      filler.fill();
      await sleep(FULL_MS);
      if (isFreed) filler.remove();
      await sleep(random(200));
    },
  });
  if (!isFreed) await liveWithoutSpace(place, start, random);
  filler.remove();
  await place.live({ start: PLAIN, end: () => sleep(random(100)) });
}

/** It may find too little even to start. */
function liveWithoutSpace(place: Place, start: Start, random: Random): Promise<void> {
  return place.live({ start, mayEnd: true, withLockFiles: false, end: () => sleep(random(400)) });
}

export function fullDisks(kind: 'ext4' | 'tmpfs'): Series {
  return {
    perPlace: 5,
    begin: (random) => {
      const mount = kind === 'ext4' ? new Disk('ext4', 8).path : mountTmpfs('size=3m');
      const filler = new Filler(mount);
      return { directory: join(mount, 'locks'), step: (place) => fillUp(place, filler, random) };
    },
  };
}

/** Lets a process have no more descriptors than it has now. */
function leaveNone(id: number | undefined): void {
  const used = readdirSync(`/proc/${id}/fd`).length;
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(id), `--nofile=${used}:`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}

/** A daemon runs out of descriptors under load while strangers come, and is killed. */
async function runOut(place: Place, random: Random): Promise<void> {
  await place.live({
    start: oneOf(random, STARTS),
    withLockFiles: false,
    end: async ({ daemon, url }) => {
      await sleep(random(300));
      leaveNone(daemon.child.pid);
      const strangers = await Promise.all(
        Array.from({ length: 20 }, () => Wire.to(url).catch(() => undefined)),
      );
      atLast(() => strangers.forEach((wire) => void wire?.socket.destroy()));
      await sleep(random(700));
    },
  });
  await place.live({ start: PLAIN, end: () => sleep(random(100)) });
}

export const noDescriptors: Series = {
  perPlace: 10,
  begin: (random) => ({ directory: temporaryDirectory(), step: (place) => runOut(place, random) }),
};
