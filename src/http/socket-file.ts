/**
 * The file of a Unix socket: who may open it may call. It belongs to its owner alone from its first moment, takes the place of
 * one that nobody listens at any more, and never that of anything else.
 */
import { once } from 'node:events';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;

/** Takes away what the group and all others would get. Not more: other threads may be making a directory just now. */
const UMASK = 0o077;

/** Resolves when `server` listens at `path`. Rejects with an Error that says why it cannot. */
export async function listenAtSocket(server: Server, path: string): Promise<void> {
  await removeLeftover(path);
  const umask = process.umask(UMASK);
  try {
    // The file is made in this very call.
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await once(server, 'listening');
  chmodSync(path, OWNER_ONLY);
}

async function removeLeftover(path: string): Promise<void> {
  const found = look(path);
  if (!found) return checkDirectory(path);
  if (!found.isSocket()) throw new Error('something else has this name; remove it, or choose another path');
  if (await isListenedAt(path)) {
    throw new Error(
      'somebody listens there already, perhaps another lockd; stop that one, or choose another path',
    );
  }
  // Made anew meanwhile: its maker listens there now.
  if (look(path)?.ino !== found.ino) throw new Error('somebody has just made it anew; choose another path');
  unlinkSync(path);
}

function look(path: string) {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The system calls a missing directory "permission denied". */
function checkDirectory(path: string): void {
  const directory = dirname(path);
  if (!look(directory)) throw new Error(`there is no directory ${directory}; make it first`);
}

/** Only a refusal says that nobody listens: a listener that is busy or not ours to call is one, too. */
function isListenedAt(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => settle(code !== 'ECONNREFUSED'));
  });
}
