/**
 * The line below a refusal: who holds the resource, since when and why, and what to do next. A fault carries only its
 * text, so that this asks for the status; where that cannot be had, the advice stands alone.
 */
import type { LockdClient } from '../client/client.js';
import { OutcomeUnknown, RefusedCall } from '../client/errors.js';
import type { Hold } from '../core/commands.js';
import type { RefusalName } from '../core/refusals.js';
import type { FileStatus } from '../service/api.js';
import { commandFor } from './connection.js';
import { exitStatusOf } from './exit-status.js';
import { sinceText } from './moments.js';

/** A refusal with all that a caller wants to know next. */
export class ExplainedRefusal extends Error {
  override readonly name = 'ExplainedRefusal';

  constructor(
    readonly refused: RefusedCall,
    readonly exitStatus: number,
    readonly advice?: string,
    readonly status?: FileStatus,
  ) {
    super(refused.message);
  }
}

/**
 * Waits for a call about a resource; a refusal comes back as `ExplainedRefusal`, and an outcome that is unknown with
 * the command that finds it out.
 */
export async function explained<T>(
  call: Promise<T>,
  client: LockdClient,
  resource: string,
  exitStatus: (refused: RefusedCall) => number = exitStatusOf,
): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof OutcomeUnknown) {
      const look = commandFor(client.url, 'status', [resource]);
      throw new OutcomeUnknown(`${error.message}. Look with: ${look}`, { cause: error });
    }
    if (!(error instanceof RefusedCall)) throw error;
    const { refusal } = error;
    if (refusal === undefined) throw new ExplainedRefusal(error, exitStatus(error));
    // The refusal itself is what matters: where no status can be had, it goes without.
    const status = await client.status(resource).catch(() => undefined);
    const advice = ADVICE[refusal](new Situation(client, resource, status));
    throw new ExplainedRefusal(error, exitStatus(error), [...holdersText(status), advice].join('. '), status);
  }
}

/** How many holders one line has room for. */
const NAMED_HOLDERS = 3;

function holdersText(status: FileStatus | undefined): string[] {
  if (!status) return [];
  const { holders, held } = status;
  const named = holders.slice(0, NAMED_HOLDERS).map(holderText);
  const more = held - named.length;
  return more > 0 ? [...named, `And ${more.toLocaleString('en')} more`] : named;
}

function holderText({ client, acquired, note }: Hold): string {
  return `Held by '${client}' since ${sinceText(acquired)}${note === undefined ? '' : `, note: ${note}`}`;
}

/** What the advice depends on, and the commands that it names. */
class Situation {
  constructor(
    private readonly client: LockdClient,
    private readonly resource: string,
    readonly status: FileStatus | undefined,
  ) {}

  /** The caller's own hold. */
  get mine(): Hold | undefined {
    return this.status?.holders.find((hold) => hold.client === this.client.client);
  }

  /** A command line about the resource. */
  about(command: string, options: readonly string[] = [], ...words: string[]): string {
    return commandFor(this.client.url, command, [this.resource, ...words], options);
  }

  /** The caller's own lock, tried again. */
  relock(options: readonly string[] = []): string {
    return this.about('lock', options, this.client.client);
  }

  /** A command line about the daemon. */
  general(command: string): string {
    return commandFor(this.client.url, command);
  }

  get force(): string {
    const isShared = this.status !== undefined && this.status.held > 1;
    return this.about('force-unlock', ['--reason', 'WHY'], ...(isShared ? ['HOLDER'] : []));
  }

  /** The way back for who holds it. */
  unlock({ client, token }: Hold): string {
    return this.about('unlock', ['--token', token], client);
  }
}

/** What to do about each refusal. */
const ADVICE: { readonly [Name in RefusalName]: (situation: Situation) => string } = {
  held: (situation) => {
    const { mine, status, force } = situation;
    if (mine) return `That is you; to give it back: ${situation.unlock(mine)}`;
    if (status?.state === 'free') return 'It is free now: try again';
    return `Try again later. If its holder is gone for good: ${force}`;
  },
  notOwner: ({ force }) => `Only its holder can unlock it. If that one is gone for good: ${force}`,
  notLocked: (situation) => `Is the name right? To see what is held: ${situation.general('list')}`,
  unreadable: ({ status, force }) => `Look at ${status?.file ?? 'the file'}. If nobody needs it: ${force}`,
  staleToken: (situation) => `Stop the work of that token. To look: ${situation.about('status')}`,
  lost: (situation) => `To go on, lock it anew: ${situation.relock()}`,
  limitMismatch: (situation) =>
    `To share it: ${situation.relock(['--limit', String(situation.status?.limit ?? 'N')])}`,
  tooMany: (situation) => `To see what is held: ${situation.general('list')}`,
  storageFull: (situation) =>
    `Make room there, or mend the disk; then try again. To look: ${situation.general('status')}`,
  unavailable: (situation) => `Try again in some seconds. To look: ${situation.general('ping')}`,
};
