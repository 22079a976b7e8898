/**
 * The users file on disk. A new state replaces the old one as a whole, so that a reader never sees half of one; what is
 * being written lies beside it as FILE.new, which only one can make: that is what keeps two changes apart.
 */
import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode } from '../disk/disk.js';
import type { UserRecord } from './users.js';
import { UsersError } from './users-error.js';
import { formatUsers, parseUsers, UsersTextProblem } from './users-text.js';

/** Bytes: some ten thousand users. */
const MAX_FILE_BYTES = 4_194_304;

/** Milliseconds for which a change waits until another one is done, and between two looks. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 20;

const OTHERS_MAY_WRITE = 0o022;

/** Who may be the owner of a file: the one who uses it, and root, who can do everything anyway. */
export type Owner = 'own' | 'any';

/**
 * Reads the users of a file.
 *
 * @param owner `own`: the file must belong to root or to this process, because its owner says who may do what.
 * @throws UsersError
 */
export function readUsersFile(given: string, owner: Owner): UserRecord[] {
  const path = resolve(given);
  const file = openFile(path);
  if (!file)
    throw new UsersError(`There is no users file ${path}; make one: lockd user add NAME --users ${path}`);
  try {
    if (owner === 'own') checkOwner(path, file.stats);
    return readUsers(path, file);
  } finally {
    fs.closeSync(file.descriptor);
  }
}

/**
 * Changes the users of a file, or makes one with mode 0600; when it resolves the new state is on disk. Two changes at
 * once are done one after another. A file that is there keeps its owner and who may read it.
 *
 * @param change makes the new users of the old ones; what it throws changes nothing.
 * @throws UsersError
 */
export async function changeUsersFile(
  given: string,
  change: (records: readonly UserRecord[]) => readonly UserRecord[],
): Promise<void> {
  const path = withoutLinks(resolve(given));
  const next = `${path}.new`;
  const descriptor = await makeAlone(path, next);
  let isDone = false;
  try {
    const file = openFile(path);
    const records = file ? readAndClose(path, file) : [];
    fs.writeFileSync(descriptor, formatUsers(change(records)));
    if (file) keepAccess(descriptor, file.stats);
    fs.fsyncSync(descriptor);
    fs.renameSync(next, path);
    isDone = true;
    syncDirectory(dirname(path));
  } catch (error) {
    throw error instanceof UsersError || errorCode(error) === undefined ? error : cannotWrite(path, error);
  } finally {
    fs.closeSync(descriptor);
    if (!isDone) fs.rmSync(next, { force: true });
  }
}

interface OpenedFile {
  readonly descriptor: number;
  readonly stats: fs.Stats;
}

/** Undefined where there is none. Never hangs on a FIFO. */
function openFile(path: string): OpenedFile | undefined {
  try {
    const descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    return { descriptor, stats: fs.fstatSync(descriptor) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new UsersError(`The users file ${path} cannot be read: ${(error as Error).message}`);
  }
}

function readAndClose(path: string, file: OpenedFile): UserRecord[] {
  try {
    return readUsers(path, file);
  } finally {
    fs.closeSync(file.descriptor);
  }
}

function readUsers(path: string, { descriptor, stats }: OpenedFile): UserRecord[] {
  if (!stats.isFile()) throw new UsersError(`The users file ${path} is no file`);
  checkMode(path, stats);
  if (stats.size > MAX_FILE_BYTES) {
    throw new UsersError(
      `The users file ${path} is larger than ${MAX_FILE_BYTES.toLocaleString('en')} bytes`,
    );
  }
  try {
    return parseUsers(fs.readFileSync(descriptor, 'utf8'));
  } catch (error) {
    if (error instanceof UsersTextProblem) throw new UsersError(`The users file ${path} ${error.message}`);
    throw new UsersError(`The users file ${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Who can write it can make itself an operator. */
function checkMode(path: string, stats: fs.Stats): void {
  if ((stats.mode & OTHERS_MAY_WRITE) === 0) return;
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  throw new UsersError(
    `Others can write to the users file ${path} (mode ${mode}) and let themselves in; run: chmod go-w ${path}`,
  );
}

function checkOwner(path: string, { uid }: fs.Stats): void {
  const user = process.geteuid?.();
  if (user === undefined || uid === user || uid === 0) return;
  throw new UsersError(
    `The users file ${path} belongs to user ${uid}, who can let itself in; lockd runs as user ${user}: chown it`,
  );
}

/** What a link leads to is replaced, not the link. */
function withoutLinks(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw cannotWrite(path, error);
  }
  if (fs.lstatSync(path, { throwIfNoEntry: false })) {
    throw new UsersError(
      `The users file ${path} is a link that leads to nothing; make what it names, or rm ${path}`,
    );
  }
  try {
    return join(fs.realpathSync(dirname(path)), basename(path));
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Makes FILE.new, which nobody else can meanwhile. */
async function makeAlone(path: string, next: string): Promise<number> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return fs.openSync(next, 'wx', 0o600);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw cannotWrite(path, error);
    }
    if (performance.now() > end) {
      throw new UsersError(
        `${next} is there: another lockd user is changing ${path}, or was ended midway. If none runs: rm ${next}`,
      );
    }
    await pause(LOOK_MS);
  }
}

/** The daemon may run as another user than who changes its users. */
function keepAccess(descriptor: number, { uid, gid, mode }: fs.Stats): void {
  const made = fs.fstatSync(descriptor);
  if (made.uid !== uid || made.gid !== gid) fs.fchownSync(descriptor, uid, gid);
  fs.fchmodSync(descriptor, (mode & 0o777) | 0o600);
}

function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function cannotWrite(path: string, error: unknown): UsersError {
  return new UsersError(`The users file ${path} cannot be written: ${(error as Error).message}`);
}
