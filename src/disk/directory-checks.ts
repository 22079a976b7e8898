/**
 * Whether a directory may hold locks: where it lies, who owns it, who else may write to it. Makes it where it is
 * missing; changes nothing of one that is there.
 */
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errorCode } from './disk.js';
import { StartRefused } from './start-refused.js';

/** File systems over a network: flush and link mean what the server makes of them (numbers from statfs(2)). */
const NETWORK_FILE_SYSTEMS = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x65735546, 'FUSE'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
]);

/** File systems in memory: a reboot frees every lock. */
const MEMORY_FILE_SYSTEMS = new Map<number, string>([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

export interface DirectoryRules {
  /** Go on although the directory lies on a network file system. */
  readonly allowNetworkFs: boolean;
  /** The type number of the file system at a path (statfs); for tests. */
  readonly fileSystemType?: (path: string) => number;
}

export interface CheckedDirectory {
  /** The absolute path without symbolic links. */
  readonly path: string;
  /** What an operator should know, one sentence each. */
  readonly warnings: readonly string[];
}

/** Makes or checks the lock directory. Throws `StartRefused` where locks would not be safe. */
export function prepareDirectory(directory: string, rules: DirectoryRules): CheckedDirectory {
  const asked = resolve(directory);
  return judge(asked, statOrMake(asked), rules);
}

/** The same for what is there, and nothing is made; where there is none, whether it could be made. */
export function checkDirectory(
  directory: string,
  rules: DirectoryRules,
): CheckedDirectory & { readonly isThere: boolean } {
  const asked = resolve(directory);
  const stats = statIfThere(asked);
  if (!stats) return { path: asked, warnings: [...checkParent(asked, rules)], isThere: false };
  const checked = judge(asked, stats, rules);
  checkAccess(checked.path);
  if (lstatSync(join(checked.path, '.lockd'), { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new StartRefused(
      `${join(checked.path, '.lockd')} is no directory; move it away, and lockd makes its own`,
    );
  }
  return { ...checked, isThere: true };
}

/** Whether `path` could be made: the nearest of its parents that is there has to take it. */
function checkParent(path: string, rules: DirectoryRules): string[] {
  let parent = dirname(path);
  while (!statIfThere(parent)) parent = dirname(parent);
  if (!statSync(parent).isDirectory())
    throw new StartRefused(`${parent} is no directory; give another --directory`);
  checkAccess(parent);
  const warnings: string[] = [];
  checkFileSystem(parent, rules, warnings);
  return warnings;
}

/** Undefined where there is no such name. */
function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const code = errorCode(error);
    // A link that leads nowhere is there all the same.
    if (code === 'ENOENT' && !lstatSync(path, { throwIfNoEntry: false })) return undefined;
    if (code === 'ENOTDIR') return undefined;
    throw new StartRefused(
      `${path} cannot be looked at (${(error as Error).message}); give another --directory`,
    );
  }
}

function checkAccess(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartRefused(
      `lockd, which runs as user ${process.geteuid?.()}, may not write in ${path} (${errorCode(error)})`,
    );
  }
}

function judge(asked: string, stats: Stats, rules: DirectoryRules): CheckedDirectory {
  if (!stats.isDirectory()) throw new StartRefused(`${asked} is no directory; give another --directory`);
  const path = realpathSync(asked);
  const warnings: string[] = [];
  if (path !== asked) warnings.push(`${asked} is a symbolic link; the locks are in ${path}`);
  checkMode(path, stats, warnings);
  checkFileSystem(path, rules, warnings);
  return { path, warnings };
}

function statOrMake(path: string): Stats {
  try {
    const made = mkdirSync(path, { recursive: true });
    if (made !== undefined) chmodSync(path, 0o700);
    return statSync(path);
  } catch (error) {
    throw new StartRefused(
      errorCode(error) === 'EEXIST' || errorCode(error) === 'ENOTDIR'
        ? `${path} is no directory; give another --directory`
        : `${path} cannot be made or looked at (${(error as Error).message}); give another --directory`,
    );
  }
}

function checkMode(path: string, stats: Stats, warnings: string[]): void {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  if (stats.mode & 0o002) {
    throw new StartRefused(
      `Everybody can write to ${path} (mode ${mode}), so that anybody could forge locks; run: chmod o-w ${path}`,
    );
  }
  if (stats.mode & 0o020) {
    warnings.push(`The group ${stats.gid} can write to ${path} (mode ${mode}) and forge locks`);
  }
  const user = process.geteuid?.();
  if (user === undefined || stats.uid === user) return;
  if (user !== 0) {
    throw new StartRefused(
      `${path} belongs to user ${stats.uid}, but lockd runs as user ${user}; run lockd as its owner, or chown it`,
    );
  }
  warnings.push(`${path} belongs to user ${stats.uid}, who can forge locks; lockd runs as root`);
}

function checkFileSystem(path: string, rules: DirectoryRules, warnings: string[]): void {
  const type = (rules.fileSystemType ?? ((of: string) => statfsSync(of).type))(path) >>> 0;
  const network = NETWORK_FILE_SYSTEMS.get(type);
  if (network !== undefined && !rules.allowNetworkFs) {
    throw new StartRefused(
      `${path} lies on a network file system (${network}), where a flush may not be one; ` +
        'use a local disk, or --allow-network-fs if you know better',
    );
  }
  if (network !== undefined) warnings.push(`${path} lies on a network file system (${network})`);
  const memory = MEMORY_FILE_SYSTEMS.get(type);
  if (memory !== undefined) warnings.push(`${path} lies in memory (${memory}): a reboot frees every lock`);
}
