/** Tells lock files that are ours from those that are not, and what the latter say. Changes nothing. */
import { resourceProblem } from '../core/names.js';
import { type Disk, errorCode, readWhole } from '../disk/disk.js';
import { type Layout, parseSlotsDirectory } from '../disk/layout.js';
import {
  type ForeignHolder,
  MAX_CONTENT_BYTES,
  namedTokens,
  type ReadContent,
  readContent,
} from './content.js';
import { resourceOfLockFile } from './names.js';

/** A resource that foreign lock files claim: with holders that can be taken over, or without. */
export interface ForeignLock {
  readonly resource: string;
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Absent where nobody can tell who holds it. */
  readonly claim?: { readonly limit: number; readonly holders: readonly ForeignHolder[] };
  /** The greatest token in any of the files, also where they claim nothing together; absent where they name none. */
  readonly highestToken?: number;
  /** What the disk said where it, and not the content, is the reason that nobody can tell. */
  readonly failure?: string;
  /** All of it was written by us, and is newer than the journal. */
  readonly isOurs?: true;
}

export type Classified =
  /** Written by us: the journal alone says whether it still means anything. */
  | { readonly kind: 'ours' }
  | { readonly kind: 'foreign'; readonly lock: ForeignLock }
  /** No resource can have this name: it locks nothing. */
  | { readonly kind: 'nameless' };

/**
 * Looks at the lock file `name`. Undefined where there is none. `isOurs` knows the inodes in our slots folders. A file of ours
 * with a token that the journal has not given yet is newer than the journal, which was lost or restored from an old copy:
 * nothing is known of its unlock, and so it claims its resource.
 */
export function classify(
  disk: Disk,
  layout: Layout,
  name: string,
  directoryId: string,
  isOurs: (inode: bigint) => boolean,
  nextToken = Number.POSITIVE_INFINITY,
): Classified | undefined {
  const entry = disk.stat(layout.lockFile(name));
  // What is no UTF-8 comes with U+FFFD in it, and is not to be found under that name.
  if (!entry) return name.includes('\ufffd') ? { kind: 'nameless' } : undefined;
  let failure: string | undefined;
  const note = (error: Error) => {
    failure = isOfDisk(error) ? error.message : undefined;
  };
  const path = layout.lockFile(name);
  const bytes = entry.kind === 'file' ? bytesOf(disk, path, entry.size, note) : undefined;
  const content = bytes && readContent(bytes);
  const isOwn = (entry.kind === 'file' && isOurs(entry.inode)) || content?.directory === directoryId;
  const highestToken = Math.max(0, ...(content?.holders.map((holder) => holder.token ?? 0) ?? []));
  if (isOwn && highestToken < nextToken) return { kind: 'ours' };
  // What we wrote names its resource itself, whatever somebody has called the file since.
  const written = isOwn ? content?.resource : undefined;
  const resource = written ?? resourceOfLockFile(name) ?? content?.resource ?? name;
  if (resourceProblem(resource)) return { kind: 'nameless' };
  const lock: ForeignLock = {
    resource,
    files: [path],
    // Whose name and content speak of different resources is no lock that anybody could take over.
    ...(content && (content.resource ?? resource) === resource
      ? { claim: { limit: content.limit, holders: content.holders } }
      : {}),
    // Also of what nobody can take over: where the journal is lost, nothing else tells them.
    ...highest(bytes ? namedTokens(bytes) : []),
    ...(failure === undefined ? {} : { failure }),
    ...(isOwn ? { isOurs: true } : {}),
  };
  return { kind: 'foreign', lock };
}

/** Whether an error may be gone the next time: it is not the file that is gone, or not for us. */
function isOfDisk(error: Error): boolean {
  return !['ENOENT', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '');
}

/** What the regular file at `path`, of `size` bytes, says; undefined where it says nothing readable. */
export function contentOf(disk: Disk, path: string, size: number): ReadContent | undefined {
  const bytes = bytesOf(disk, path, size);
  return bytes && readContent(bytes);
}

/** Undefined for more bytes than a lockd writes, and where the disk fails: `onFailure` hears of its error. */
function bytesOf(
  disk: Disk,
  path: string,
  size: number,
  onFailure: (error: Error) => void = () => undefined,
): Uint8Array | undefined {
  if (size > MAX_CONTENT_BYTES) return undefined;
  try {
    return readWhole(disk, path, size);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    onFailure(error as Error);
    return undefined;
  }
}

/**
 * The inodes of everything that lies in a slots folder, each with its path: what else carries one of them is ours,
 * whatever is in it. Only while the path does too: the inode of a file that is gone is soon another's.
 */
export function slotInodes(disk: Disk, layout: Layout): Map<bigint, string> {
  const inodes = new Map<bigint, string>();
  for (const name of disk.list(layout.own)) {
    const epoch = parseSlotsDirectory(name);
    if (epoch === undefined) continue;
    for (const slot of disk.list(layout.slots(epoch))) {
      const path = `${layout.slots(epoch)}/${slot}`;
      const inode = disk.stat(path)?.inode;
      if (inode !== undefined) inodes.set(inode, path);
    }
  }
  return inodes;
}

/**
 * Joins what several files claim: the same clients twice are one claim, and of what we wrote ourselves the later one is
 * true. Anything else cannot be decided.
 */
export function joinClaims(locks: readonly ForeignLock[]): ForeignLock[] {
  const byResource = new Map<string, ForeignLock>();
  for (const lock of locks) {
    const other = byResource.get(lock.resource);
    byResource.set(lock.resource, other ? join(other, lock) : lock);
  }
  return [...byResource.values()];
}

function join(a: ForeignLock, b: ForeignLock): ForeignLock {
  const files = [...a.files, ...b.files];
  const isOurs = a.isOurs && b.isOurs;
  const isDecided = a.claim && b.claim && (isOurs || holderNames(a) === holderNames(b));
  const claim = (b.highestToken ?? 0) > (a.highestToken ?? 0) ? b.claim : a.claim;
  const failure = a.failure ?? b.failure;
  return {
    resource: a.resource,
    files,
    ...(isDecided && claim ? { claim } : {}),
    ...highest([a.highestToken, b.highestToken]),
    ...(failure === undefined ? {} : { failure }),
    ...(isOurs ? { isOurs } : {}),
  };
}

function highest(tokens: readonly (number | undefined)[]): { highestToken?: number } {
  const known = tokens.filter((token) => token !== undefined);
  return known.length > 0 ? { highestToken: Math.max(...known) } : {};
}

function holderNames(lock: ForeignLock): string {
  return JSON.stringify(lock.claim?.holders.map((holder) => holder.client).sort());
}
