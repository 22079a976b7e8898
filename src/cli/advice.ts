/** What to do about each refusal, with the commands to copy. */
import type { LockdClient } from '../client/client.js';
import type { Fence, Hold } from '../core/answers.js';
import type { RefusalName } from '../core/refusals.js';
import type { FileStatus } from '../service/api.js';
import { commandFor } from './connection.js';
import { spanText, utcText } from './moments.js';

/** What the advice depends on, and the commands that it names. */
export class Situation {
  constructor(
    private readonly client: LockdClient,
    private readonly resource: string,
    readonly status: FileStatus | undefined,
  ) {}

  /** The caller's own hold. */
  get mine(): Hold | undefined {
    const { client } = this.client;
    return this.status?.holders.find((hold) => hold.client === client && hold.state === 'held');
  }

  /** A command line about the resource. */
  about(command: string, options: readonly string[] = [], ...words: string[]): string {
    return commandFor(this.client.urls, command, [this.resource, ...words], options);
  }

  /** The caller's own lock, tried again. */
  relock(options: readonly string[] = []): string {
    return this.about('lock', options, this.client.client);
  }

  /** The caller's own lock, waiting for its turn. */
  get wait(): string {
    return `To wait for it: ${this.relock(['--wait', '1m'])}`;
  }

  /** A command line about the daemon. */
  general(command: string): string {
    return commandFor(this.client.urls, command);
  }

  get force(): string {
    const isShared = this.status !== undefined && this.status.held > 1;
    return this.about('force-unlock', ['--reason', 'WHY'], ...(isShared ? ['HOLDER'] : []));
  }

  /** What ends a fencing that does not succeed; undefined where none is known of. */
  get confirm(): string | undefined {
    const [first] = this.status?.fence ?? [];
    if (!first) return undefined;
    const command = this.about('confirm-fenced', ['--reason', 'WHY', '--token', first.token]);
    return `If '${first.client}' can do no more harm for certain: ${command}`;
  }

  /** The way back for who holds it. */
  unlock({ client, token }: Hold): string {
    return this.about('unlock', ['--token', token], client);
  }
}

/** When the fence command is run again. */
function nextTryText({ nextTry, client }: Fence, now = Date.now()): string {
  if (!nextTry) return `The fence command for '${client}' runs now`;
  const seconds = Math.ceil((nextTry.getTime() - now) / 1_000);
  return `The fence command for '${client}' is run again at ${utcText(nextTry)} (in ${spanText(seconds)})`;
}

function sentences(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join('. ');
}

/** What to do about each refusal: sentences, without the last full stop. */
export const ADVICE: { readonly [Name in RefusalName]: (situation: Situation) => string } = {
  denied: () =>
    'Call as a user who may (LOCKD_USER and LOCKD_SECRET_FILE), or ask whoever runs the daemon: its users file says who may what',
  requestReused: () => 'Give another --request, or the options that came with it before',
  ended: (situation) => `To go on, lock it anew with another --request: ${situation.relock()}`,
  lost: (situation) => `To go on, lock it anew: ${situation.relock()}`,
  staleToken: (situation) => `Stop the work of that token. To look: ${situation.about('status')}`,
  unreadable: ({ status, force }) => `Look at ${status?.file ?? 'the file'}. If nobody needs it: ${force}`,
  notOwner: ({ force }) => `Only its holder can do that. If that one is gone for good: ${force}`,
  notLocked: (situation) => `Is the name right? To see what is held: ${situation.general('list')}`,
  notQueued: ({ wait }) => wait,
  alreadyInLine: () =>
    'Another call of that client waits there: end that one, repeat it with its --request, or wait with another --client',
  limitMismatch: (situation) =>
    `To share it: ${situation.relock(['--limit', String(situation.status?.limit ?? 'N')])}`,
  held: (situation) => {
    const { mine, status, force, wait } = situation;
    if (mine) return `That is you; to give it back: ${situation.unlock(mine)}`;
    if (status?.state === 'free') return 'It is free now: try again';
    if (status?.state === 'reserved') return sentences('It is kept for the first in the line', wait);
    return `${wait}. If its holder is gone for good: ${force}`;
  },
  fencing: ({ status, wait, confirm }) => {
    if (status?.state === 'free') return 'It is free now: try again';
    const [first] = status?.fence ?? [];
    return sentences(first && nextTryText(first), wait, confirm);
  },
  lineFull: (situation) => `Try again later. To look: ${situation.about('status')}`,
  tooMany: (situation) => `To see what is held, and who waits: ${situation.general('list')}`,
  timedOut: ({ status, wait, force, confirm }) => {
    const [first] = status?.fence ?? [];
    if (first) return sentences(nextTryText(first), wait, confirm);
    const isHeld = status === undefined || status.state === 'held';
    return sentences(wait, isHeld ? `If its holder is gone for good: ${force}` : undefined);
  },
  takenOver: () =>
    'The other call goes on and gets the lock. Two processes that both shall wait need a --request and a --client each',
  storageFull: (situation) =>
    `Make room there, or mend the disk; then try again. To look: ${situation.general('status')}`,
  unavailable: (situation) => `Try again in some seconds. To look: ${situation.general('ping')}`,
};
