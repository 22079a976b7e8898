/**
 * How a resource becomes the name of its lock file, and back. Injective: no two resources share a name, and no resource
 * leads out of the directory.
 *
 * Every byte outside A-Z a-z 0-9 _ - . becomes %XX, a leading dot too. A trailing `.resource` is written `%2Eresource`,
 * so that no name of ours ends in `.resource.lock`, as those of gocept.lockd do. A name that would be too long for a file
 * is cut and ends in `~` and a hash; `~` is in no other name.
 */
import { createHash } from 'node:crypto';

const ENDING = '.lock';

/** What gocept.lockd (2008) puts behind the resource. */
const GOCEPT_ENDING = '.resource.lock';

/** Bytes of a file name that every file system of today takes. */
const MAX_NAME_BYTES = 255;

const CUT_LENGTH = 160;
const CUT_NAME = /~[0-9a-f]{64}$/;
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** Everything that is not written as it is; a leading dot is not, either. */
const SPECIAL = /^\.|[^A-Za-z0-9_.-]+/g;

function percent(characters: string): string {
  let encoded = '';
  for (const byte of Buffer.from(characters))
    encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}

function encode(resource: string): string {
  const encoded = PLAIN.test(resource) ? resource : resource.replace(SPECIAL, percent);
  return encoded.replace(/\.resource$/, '%2Eresource');
}

/** The name of the lock file of `resource` in the lock directory. */
export function lockFileName(resource: string): string {
  const encoded = encode(resource);
  if (encoded.length + ENDING.length <= MAX_NAME_BYTES) return encoded + ENDING;
  const hash = createHash('sha256').update(resource).digest('hex');
  // Not in the middle of a %XX.
  const cut = encoded.slice(0, CUT_LENGTH).replace(/%[0-9A-F]?$/, '');
  return `${cut}~${hash}${ENDING}`;
}

/** Whether a name in the lock directory is that of a lock file, ours or another's. */
export function isLockFileName(name: string): boolean {
  return name.endsWith(ENDING);
}

/**
 * The resource that a lock file of anybody's making stands for: decoded where our own encoding leads back to the same
 * name, else taken literally. Undefined where the name is a cut one, whose resource only the content knows.
 */
export function resourceOfLockFile(name: string): string | undefined {
  const isGocept = name.endsWith(GOCEPT_ENDING);
  const encoded = name.slice(0, -(isGocept ? GOCEPT_ENDING : ENDING).length);
  if (!isGocept && CUT_NAME.test(encoded)) return undefined;
  const decoded = decode(encoded);
  return decoded !== undefined && encode(decoded) === encoded ? decoded : encoded;
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
