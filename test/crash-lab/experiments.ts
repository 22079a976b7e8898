/** All that the laboratory does, in the order of its table. */
import type { Need } from '../programs.js';
import { cutsOfLyingDisk, powerCuts } from './cuts.js';
import { errorsAtCalls } from './errors.js';
import { fullDisks, noDescriptors } from './full.js';
import { killsAtCalls, killsAtRandom, killsOfLateWriter } from './kills.js';
import { killLines } from './lines.js';
import { runSeries, type Series, type Times } from './series.js';
import type { Tally } from './tally.js';

export interface Experiment {
  /** One word, for the command line. */
  readonly key: string;
  readonly name: string;
  /** A negative control must find what everything else must not. */
  readonly isControl: boolean;
  readonly needs: readonly Need[];
  /** How often, of so many kills and power cuts all in all. */
  readonly times: (kills: number, cuts: number) => number;
  readonly run: (times: Times) => Promise<Tally>;
}

function series(
  key: string,
  name: string,
  needs: readonly Need[],
  times: Experiment['times'],
  what: Series,
): Experiment {
  return {
    key,
    name,
    needs,
    times,
    isControl: what.isControl ?? false,
    run: (options) => runSeries(what, options),
  };
}

const MOUNTS: readonly Need[] = ['root', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io'];

/** At least one where anything is asked for at all. */
function share(of: number, part: number): number {
  return of === 0 ? 0 : Math.max(1, Math.round(of * part));
}

export const EXPERIMENTS: readonly Experiment[] = [
  series('kills', 'kill -9 at a random moment', [], (kills) => share(kills, 0.4), killsAtRandom),
  {
    key: 'lines',
    name: 'kill -9 while clients wait in lines',
    isControl: false,
    needs: [],
    times: (kills) => share(kills, 0.1),
    run: killLines,
  },
  series(
    'calls',
    'kill -9 at the Nth system call',
    ['root', 'strace'],
    (kills) => share(kills, 0.5),
    killsAtCalls,
  ),
  series(
    'errors',
    'an error at the Nth system call',
    ['root', 'strace'],
    (kills) => share(kills, 0.2),
    errorsAtCalls,
  ),
  series('ext4', 'power cut on ext4', MOUNTS, (_, cuts) => share(cuts, 0.5), powerCuts('ext4')),
  series('xfs', 'power cut on XFS', MOUNTS, (_, cuts) => share(cuts, 0.5), powerCuts('xfs')),
  series('full', 'full disk, ext4', MOUNTS, (_, cuts) => share(cuts, 0.1), fullDisks('ext4')),
  series('tmpfs', 'full disk, tmpfs', ['root'], (_, cuts) => share(cuts, 0.1), fullDisks('tmpfs')),
  series('descriptors', 'no descriptors left', ['prlimit'], (_, cuts) => share(cuts, 0.2), noDescriptors),
  series(
    'late',
    'control: kill -9 of a daemon that writes late',
    [],
    (kills) => share(kills, 0.01),
    killsOfLateWriter,
  ),
  series(
    'lying-ext4',
    'control: power cut on ext4 that does not flush',
    [...MOUNTS, 'strace'],
    (_, cuts) => share(cuts, 0.05),
    cutsOfLyingDisk('ext4'),
  ),
  series(
    'lying-xfs',
    'control: power cut on XFS that does not flush',
    [...MOUNTS, 'strace'],
    (_, cuts) => share(cuts, 0.05),
    cutsOfLyingDisk('xfs'),
  ),
];
