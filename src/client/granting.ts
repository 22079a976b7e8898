/**
 * The ways to a hold, with what its holder must know to count its lease: at once, through the line, in two calls. Every
 * request carries a retry key, so that an answer that is lost never takes a lock twice.
 */
import type { Enqueued, Hold } from '../core/answers.js';
import { DEFAULT_CLAIM_SECONDS } from '../core/limits.js';
import type { RefusalName } from '../core/refusals.js';
import type { EnqueueOptions, LockOptions } from '../service/api.js';
import { readEnqueued, readHold, readTrue } from './answers.js';
import type { Answered } from './calls.js';
import { checkTexts } from './check-texts.js';
import { underEither } from './either-signal.js';
import { RefusedCall } from './errors.js';
import type { Granted } from './lease.js';
import type { Settings } from './options.js';
import type { ClientPorts } from './ports.js';
import type { RenewTry } from './renewal.js';
import { CLUSTER_SLICE_SECONDS, SLICE_SECONDS, waitForLock, waitInPlace } from './waiting.js';
import type { Asking, Wire } from './wire.js';

/** Ends a call, which then rejects with the signal's reason. */
export interface Abortable {
  readonly signal?: AbortSignal;
}

/** The answer to a request for a place; `granted` where it was granted at once. */
export interface GrantedOrQueued {
  readonly answer: Enqueued;
  readonly granted?: Granted;
}

export class Granting {
  constructor(
    private readonly wire: Wire,
    private readonly settings: Settings,
    private readonly client: string,
    private readonly ports: ClientPorts,
  ) {}

  /** Locks, or waits for it; an aborted or failed wait leaves the line. `resource` is its full name. */
  async lock(resource: string, options: LockOptions & Abortable): Promise<Granted> {
    const { wait: seconds = 0, signal: own, request = this.ports.makeId(), ...rest } = options;
    const asked = { ...rest, request };
    this.#check('lock', resource, asked);
    return underEither([own, this.settings.signal], async (signal) => {
      signal?.throwIfAborted();
      const lock = async (wait?: number) => {
        const more = { ...asked, wait };
        const patience = wait === undefined ? {} : { comesBack: true, failoverSeconds: wait };
        const asking = { ...waitingCall(wait, signal), ...patience };
        return granted(await this.wire.ask(readHold, asking, 'lock', resource, this.client, more));
      };
      if (seconds === 0) return lock();
      const place = {
        lock,
        enqueue: async (most: number) => {
          const patience = { ...asked, ...(signal ? { signal } : {}) };
          const { granted: hold } = await this.enqueue(resource, patience, most);
          return hold ? { hold } : {};
        },
        wait: (slice: number) => this.#wait(resource, slice, request, signal),
        cancel: () => this.cancel(resource, BRIEFLY),
        unlock: ({ hold }: Granted) => this.unlock(resource, hold.token, BRIEFLY),
      };
      const wait = { seconds, ...this.#patience(resource, options.claim), signal };
      return waitForLock(place, wait, this.ports.pace);
    });
  }

  /**
   * Asks for a place in the line, or gets the hold at once. The options name a retry key. A cluster is given so many seconds to
   * find another leader, at most.
   */
  async enqueue(
    resource: string,
    options: EnqueueOptions & Abortable & { readonly request: string },
    failoverSeconds = Number.POSITIVE_INFINITY,
  ): Promise<GrantedOrQueued> {
    const { signal, ...asked } = options;
    this.#check('enqueue', resource, asked);
    const call: Asking = { repetition: 'repeatable', signal, failoverSeconds };
    const { value, sent } = await this.wire.ask(readEnqueued, call, 'enqueue', resource, this.client, asked);
    return { answer: value, ...(value.hold ? { granted: { hold: value.hold, sent } } : {}) };
  }

  /** Waits on a place for as long as wanted, and keeps it when the time is over. */
  async waitInPlace(
    resource: string,
    seconds: number,
    { request, claim, signal: own }: { request?: string | undefined; claim?: number } & Abortable,
  ): Promise<Granted> {
    return underEither([own, this.settings.signal], (signal) =>
      waitInPlace(
        { wait: (slice) => this.#wait(resource, slice, request, signal) },
        { seconds, ...this.#patience(resource, claim), signal },
        this.ports.pace,
      ),
    );
  }

  async cancel(resource: string, patience: Patience = {}): Promise<true> {
    const asking: Asking = { repetition: 'once', isCleanup: true, ...patience };
    return (await this.wire.ask(readTrue, asking, 'cancel', resource, this.client)).value;
  }

  /** Gives back this very hold. That it is gone is what was wanted, where an earlier try may have done it. */
  async unlock(resource: string, token: string, patience: Patience = {}): Promise<true> {
    const asking: Asking = { repetition: 'repeatable', isCleanup: true, ...patience };
    try {
      return (await this.wire.ask(readTrue, asking, 'unlock', resource, this.client, { token })).value;
    } catch (error) {
      if (error instanceof RefusedCall && error.isRepeat && GONE.has(error.refusal)) return true;
      throw error;
    }
  }

  /** Renews this very hold, with one try. */
  async renew(resource: string, token: string, { turn, seconds, signal }: RenewTry): Promise<Granted> {
    const most = Math.min(seconds, this.settings.timeoutSeconds);
    const oneTry = { turn, seconds: most };
    const asking: Asking = { repetition: 'repeatable', isCleanup: true, signal, oneTry };
    return granted(await this.wire.ask(readHold, asking, 'renew', resource, this.client, { token }));
  }

  async #wait(
    resource: string,
    slice: number,
    request: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Granted> {
    // After an abort the line is left with a last wait that takes no time, and must not be aborted too.
    const asking = slice > 0 ? { ...waitingCall(slice, signal), comesBack: true } : LAST_WAIT;
    return granted(await this.wire.ask(readHold, asking, 'wait', resource, this.client, slice, { request }));
  }

  /** Whether several daemons can be the one that has this resource. */
  isCluster(resource: string): boolean {
    return this.settings.shards.of(resource).urls.length > 1;
  }

  #patience(resource: string, claimSeconds = DEFAULT_CLAIM_SECONDS) {
    const sliceSeconds = this.isCluster(resource) ? CLUSTER_SLICE_SECONDS : SLICE_SECONDS;
    return { claimSeconds, sliceSeconds, pauseSeconds: this.settings.returnSeconds };
  }

  #check(method: string, resource: string, { note, request }: EnqueueOptions): void {
    checkTexts(method, { resource, client: this.client, note, request });
  }
}

/** What a second unlock of the same hold is told. */
const GONE: ReadonlySet<RefusalName | undefined> = new Set(['notLocked', 'notOwner', 'staleToken']);

/** For a cluster without leader; undefined: as long as any call. */
type Patience = Pick<Asking, 'failoverSeconds'>;

/** Who gives up a wait is not held up by a cluster that has no leader: a place that is left behind is over with its claim time. */
const BRIEFLY: Patience = { failoverSeconds: 0 };

const LAST_WAIT: Asking = { repetition: 'repeatable', isCleanup: true, ...BRIEFLY };

function granted({ value, sent }: Answered<Hold>): Granted {
  return { hold: value, sent };
}

/** A call that waits is not repeated as it is: whoever does it counts what is left of the time. */
export function waitingCall(waitSeconds: number | undefined, signal: AbortSignal | undefined): Asking {
  return waitSeconds ? { repetition: 'once', waitSeconds, signal } : { repetition: 'repeatable', signal };
}
