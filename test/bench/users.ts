/** What it costs that callers sign in: the processor time of the daemon for a call, beside a daemon that is open to all. */
import { join } from 'node:path';
import { type LoadKind, runLoad } from './load.js';
import { type CallFigures, measureCalls as measure, medians } from './processor.js';
import { addUser, startLockd } from './servers.js';
import { median } from './table.js';

export interface UsersResult {
  readonly open: CallFigures;
  readonly signedIn: CallFigures;
  /** Processor time of a call that signs in over that of an open one: the median of the rounds. */
  readonly ratio: number;
}

export interface UsersOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly kind: LoadKind;
  readonly progress: (text: string) => void;
}

/** The user is bound to resources and to client names, so that all there is to look at is looked at. */
const RIGHTS = ['--role', 'client', '--allow', 'deploy/*', '--allow', 'bench-*', '--clients', 'client-of-*'];

export async function measureUsers({
  directory,
  rounds,
  seconds,
  kind,
  progress,
}: UsersOptions): Promise<UsersResult> {
  const file = join(directory, 'users.json');
  const secret = addUser(file, 'bench', RIGHTS);
  const authorization = `Basic ${Buffer.from(`bench:${secret}`).toString('base64')}`;
  const open = await startLockd(join(directory, 'open'));
  const guarded = await startLockd(join(directory, 'guarded'), ['--users', file]);
  const load = { kind, connections: 64, seconds };
  const measureOpen = () => measure(open, () => runLoad({ ...load, url: open.url }));
  const measureGuarded = () => measure(guarded, () => runLoad({ ...load, url: guarded.url, authorization }));
  try {
    await measureOpen();
    await measureGuarded();
    const all: { open: CallFigures; signedIn: CallFigures }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      progress(`with users, round ${round} of ${rounds}`);
      all.push({ open: await measureOpen(), signedIn: await measureGuarded() });
    }
    return {
      open: medians(all.map((round) => round.open)),
      signedIn: medians(all.map((round) => round.signedIn)),
      ratio: median(all.map((round) => round.signedIn.microseconds / round.open.microseconds)),
    };
  } finally {
    await Promise.all([open.stop(), guarded.stop()]);
  }
}
