/**
 * The line below a refusal: who holds the resource, since when, for how long and why, who waits, and what to do next. A
 * fault carries only its text, so that this asks for the status; where that cannot be had, the advice stands alone.
 */
import type { LockdClient } from '../client/client.js';
import { OutcomeUnknown, RefusedCall } from '../client/errors.js';
import type { RefusalName } from '../core/refusals.js';
import type { FileStatus } from '../service/api.js';
import { ADVICE, Situation } from './advice.js';
import { commandFor } from './connection.js';
import { exitStatusOf } from './exit-status.js';
import { holderTexts, lineText } from './holder-text.js';

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

/** What is another than usual for a command. */
export interface Explaining {
  readonly exitStatus?: (refused: RefusedCall) => number;
  readonly advice?: Partial<typeof ADVICE>;
}

/** Refusals beside which no status is told: it would be none of the caller's business, or nobody is there who knows it. */
const UNTOLD: ReadonlySet<RefusalName> = new Set(['denied', 'unavailable']);

/** Seconds for the status: who was refused is not held up by a cluster that looks for another leader. */
const LOOK_SECONDS = 4;

/**
 * Waits for a call about a resource; a refusal comes back as `ExplainedRefusal`, and an outcome that is unknown with
 * the command that finds it out.
 */
export async function explained<T>(
  call: Promise<T>,
  client: LockdClient,
  resource: string,
  { exitStatus = exitStatusOf, advice = {} }: Explaining = {},
): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof OutcomeUnknown) {
      const look = commandFor(client.urls, 'status', [resource]);
      throw new OutcomeUnknown(`${error.message}. Look with: ${look}`, { cause: error });
    }
    if (!(error instanceof RefusedCall)) throw error;
    const { refusal } = error;
    if (refusal === undefined) throw new ExplainedRefusal(error, exitStatus(error));
    // The refusal itself is what matters: where no status can be had it goes without.
    const status = UNTOLD.has(refusal) ? undefined : await statusSoon(client, resource);
    const next = { ...ADVICE, ...advice }[refusal](new Situation(client, resource, status));
    const facts = status ? factsOf(status, client.client) : [];
    throw new ExplainedRefusal(error, exitStatus(error), [...facts, next].join('. '), status);
  }
}

/** Undefined where it cannot be had, or not soon. */
async function statusSoon(client: LockdClient, resource: string): Promise<FileStatus | undefined> {
  const signal = AbortSignal.timeout(LOOK_SECONDS * 1_000);
  return client.status(resource, { signal }).catch(() => undefined);
}

function factsOf(status: FileStatus, client: string): string[] {
  const line = lineText(status, client);
  return line === undefined ? holderTexts(status) : [...holderTexts(status), line];
}
