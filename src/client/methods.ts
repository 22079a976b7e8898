/**
 * Every method of the wire as a typed method. A call that may have arrived is repeated only where twice is the same as
 * once, and nothing that is answered is believed before it was checked.
 */
import type { Hold } from '../core/answers.js';
import { DEFAULT_LIST_COUNT } from '../core/limits.js';
import type {
  ConfirmFencedOptions,
  ExtendOptions,
  FileStatus,
  ForceUnlockOptions,
  Health,
  HistoryEvent,
  HistoryOptions,
  ListOptions,
  LockOptions,
  RenewOptions,
  TokenOptions,
  UnlockOptions,
  UpdateOptions,
  WaitOptions,
} from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import {
  type DaemonStats,
  readBoolean,
  readEvents,
  readHold,
  readStats,
  readStatus,
  readStatuses,
  readTrue,
} from './answers.js';
import { checkTexts, type Texts } from './check-texts.js';
import { processName, underUser } from './client-name.js';
import { EitherSignal } from './either-signal.js';
import type { Parameter } from './encode-call.js';
import { type ClientEventsOptions, eventsQuery, followEvents, type StreamItem } from './events.js';
import { type Abortable, Granting, waitingCall } from './granting.js';
import { type LockdClientOptions, type Settings, settingsOf } from './options.js';
import { type ClientPorts, REAL_PORTS } from './ports.js';
import { type Asking, Wire } from './wire.js';

/** Resources, or events, per page when all are asked for: an answer that a daemon writes between two turns. */
const PAGE_COUNT = 1_000;

const QUESTION: Asking = { repetition: 'question' };
const REPEATABLE: Asking = { repetition: 'repeatable' };
const ONCE: Asking = { repetition: 'once' };

/**
 * Every method rejects with `RefusedCall` (the daemon says no), `NoDaemon` (nobody answers, nothing changed),
 * `Unauthorized` (not without credentials), `OutcomeUnknown` (the answer of a change was lost), `NotLockd` (something else
 * answers), or `AnotherCluster`.
 */
export class DaemonMethods {
  /** The name under which it locks. */
  readonly client: string;
  protected readonly settings: Settings;
  protected readonly wire: Wire;
  protected readonly granting: Granting;

  /** Throws an Error that names the option which makes no sense. */
  constructor(
    options: LockdClientOptions = {},
    protected readonly ports: ClientPorts = REAL_PORTS,
  ) {
    this.settings = settingsOf(options, ports);
    this.client = options.client ?? underUser(this.settings.user, processName());
    this.wire = new Wire(this.settings);
    this.granting = new Granting(this.wire, this.settings, this.client, ports);
  }

  /** The address that answered last; with shards, that of the first. */
  get url(): URL {
    return this.settings.shards.all[0].url;
  }

  /** All addresses of the cluster; with shards, of the first. */
  get urls(): readonly URL[] {
    return this.settings.shards.all[0].urls;
  }

  /**
   * Takes `resource`, or waits for it in the line, or is refused at once. `wait` may be as long as wanted: the place is
   * kept from call to call and through lost connections. An aborted or failed wait leaves the line, and gives back what
   * was granted meanwhile, as well as the connection allows. Nothing renews the hold; `acquire` does that.
   */
  async lock(resource: string, options: LockOptions & Abortable = {}): Promise<Hold> {
    return (await this.granting.lock(this.wire.name(resource), options)).hold;
  }

  /** Waits up to `seconds` on the client's place, which is kept for its claim time if that is too short. */
  async wait(resource: string, seconds: number, options: WaitOptions & Abortable = {}): Promise<Hold> {
    const { signal, request } = options;
    const name = this.wire.name(resource);
    if (seconds > 0 && this.granting.isCluster(name)) {
      checkTexts('wait', { resource: name, client: this.client, request });
      return (await this.granting.waitInPlace(name, seconds, { request, ...(signal ? { signal } : {}) }))
        .hold;
    }
    const asking = waitingCall(seconds, signal);
    return this.#about(resource, { client: this.client, request }, readHold, asking, 'wait', [
      this.client,
      seconds,
      { request },
    ]);
  }

  /** Leaves the line. */
  async cancel(resource: string): Promise<true> {
    return this.#ours(resource, readTrue, ONCE, 'cancel');
  }

  /**
   * Gives `resource` back; with a token, only that very hold. With a token it may be sent again after a lost answer: the
   * hold that is gone then counts as given back.
   */
  async unlock(resource: string, options: UnlockOptions = {}): Promise<true> {
    if (options.token === undefined) return this.#ours(resource, readTrue, ONCE, 'unlock', {});
    const name = this.wire.name(resource);
    checkTexts('unlock', { resource: name, client: this.client });
    return this.granting.unlock(name, String(options.token));
  }

  /** The lease runs for the greater of what is left and its ttl; a new `ttl` may shorten it. */
  async renew(resource: string, options: RenewOptions = {}): Promise<Hold> {
    return this.#ours(resource, readHold, REPEATABLE, 'renew', { ...withDigits(options) });
  }

  /** Adds seconds to what is left of the lease. After `OutcomeUnknown` they may have been added: look before a repeat. */
  async extend(resource: string, seconds: number, options: ExtendOptions = {}): Promise<Hold> {
    return this.#ours(resource, readHold, ONCE, 'extend', seconds, { ...withDigits(options) });
  }

  /** Changes the note or the ttl; as an operator, hands the hold over to `newClient`, who gets a new token. */
  async update(resource: string, options: UpdateOptions): Promise<Hold> {
    const { note, newClient } = options;
    const asking = newClient === undefined ? REPEATABLE : ONCE;
    const texts = { client: this.client, note, newClient };
    return this.#about(resource, texts, readHold, asking, 'update', [
      this.client,
      { ...withDigits(options) },
    ]);
  }

  /** Whether `token` is that of a current hold: not lost, not being fenced. */
  async check(resource: string, token: string | number): Promise<boolean> {
    return this.#about(resource, {}, readBoolean, QUESTION, 'check', [String(token)]);
  }

  /** Ends somebody's hold against its holder's will; resolves when that is saved. */
  async forceUnlock(resource: string, options: ForceUnlockOptions): Promise<true> {
    const { reason, client } = options;
    return this.#about(resource, { reason, client }, readTrue, ONCE, 'forceUnlock', [
      { ...withDigits(options) },
    ]);
  }

  /** Ends a fencing that does not succeed: the caller vouches that the holder can do no more harm. */
  async confirmFenced(resource: string, options: ConfirmFencedOptions): Promise<true> {
    const { reason } = options;
    return this.#about(resource, { reason }, readTrue, ONCE, 'confirmFenced', [{ ...withDigits(options) }]);
  }

  /** Who holds `resource`; a free one has a status too. */
  async status(resource: string, { signal }: Abortable = {}): Promise<FileStatus> {
    return this.#about(resource, {}, readStatus, { ...QUESTION, signal }, 'status', []);
  }

  /** One page of the resources that are not free, of all shards. `after` is a full name, as answers have it. */
  async list(options: ListOptions = {}): Promise<FileStatus[]> {
    const { count = DEFAULT_LIST_COUNT } = options;
    const prefix = this.wire.name(options.prefix ?? '');
    const asked = prefix === '' ? { ...options } : { ...options, prefix };
    const pages = await this.wire.askAll(readStatuses, QUESTION, 'list', asked);
    const [only = []] = pages;
    if (pages.length === 1) return only;
    const inOrder = pages.flat().sort((a, b) => (a.resource < b.resource ? -1 : 1));
    return inOrder.slice(0, count);
  }

  /** All pages of `list`, as many resources as `count` says or all; what changes meanwhile may be seen or not. */
  async *listAll(options: ListOptions = {}): AsyncGenerator<FileStatus> {
    let { count: wanted = Number.POSITIVE_INFINITY, after = '' } = options;
    while (wanted > 0) {
      const count = Math.min(wanted, PAGE_COUNT);
      const page = await this.list({ ...options, count, after });
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < count) return;
      after = last.resource;
      wanted -= page.length;
    }
  }

  /** One page of what happened, newest first; with shards, of one resource. The prefix of the client selects nothing here. */
  async history(options: HistoryOptions = {}): Promise<HistoryEvent[]> {
    const { client } = options;
    if (options.resource === undefined) {
      checkTexts('history', { client });
      return this.wire.askOnly(readEvents, QUESTION, 'history', { ...options });
    }
    const resource = this.wire.name(options.resource);
    checkTexts('history', { resource, client });
    return this.wire.askOne(resource, readEvents, QUESTION, 'history', { ...options, resource });
  }

  /** All pages of `history`, as many events as `count` says or all that are kept. */
  async *historyAll(options: HistoryOptions = {}): AsyncGenerator<HistoryEvent> {
    let { count: wanted = Number.POSITIVE_INFINITY, before } = options;
    while (wanted > 0) {
      const count = Math.min(wanted, PAGE_COUNT);
      const page = await this.history({ ...options, count, ...(before === undefined ? {} : { before }) });
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < count) return;
      before = last.id;
      wanted -= page.length;
    }
  }

  /**
   * What happens from now on, or behind the event `after`, each event once and in order; it never ends by itself, but with the
   * loop over it or on a signal. `ready` comes first, and each time the stream stands again after a cut; `gap` where something
   * is not kept any more. Rejects as other methods do while it could not be opened; later cuts are told to `onCut`. With shards,
   * of one resource.
   */
  async *events(options: ClientEventsOptions = {}): AsyncGenerator<StreamItem, void> {
    const { client, signal } = options;
    const resource = options.resource === undefined ? undefined : this.wire.name(options.resource);
    const prefix = this.wire.name(options.prefix ?? '');
    checkTexts('events', { client, ...(resource === undefined ? {} : { resource }) });
    const calls = this.wire.callsFor(resource, 'events');
    const query = eventsQuery({ ...options, resource, prefix: prefix === '' ? undefined : prefix });
    const either = new EitherSignal([signal, this.settings.signal]);
    try {
      yield* followEvents(calls, query, options, either.signal);
    } finally {
      either.end();
    }
  }

  /** What the daemon has done since its start; not with shards. */
  stats(): Promise<DaemonStats> {
    return this.wire.askOnly(readStats, QUESTION, 'stats');
  }

  /** Whether all is well with the daemon; not with shards. */
  health(): Promise<Health> {
    return this.wire.health();
  }

  /** Any other method, its answer as it came; not with shards. It is never sent twice, and no prefix is added. */
  call(method: string, ...parameters: readonly Parameter[]): Promise<XmlRpcValue> {
    // It may be one that waits, or that a second time would not be the same as the first.
    const asking: Asking = { ...ONCE, isToldAtOnce: true };
    return this.wire.askOnly((value) => value, asking, method, ...parameters);
  }

  /** Closes the connections; the client can still be used, and makes new ones. */
  close(): void {
    this.wire.close();
  }

  /** Asks about what the client holds or waits for itself. */
  #ours<T>(
    resource: string,
    read: (value: XmlRpcValue) => T,
    asking: Asking,
    method: string,
    ...more: Parameter[]
  ): Promise<T> {
    return this.#about(resource, { client: this.client }, read, asking, method, [this.client, ...more]);
  }

  async #about<T>(
    resource: string,
    texts: Texts,
    read: (value: XmlRpcValue) => T,
    asking: Asking,
    method: string,
    more: readonly Parameter[],
  ): Promise<T> {
    const name = this.wire.name(resource);
    checkTexts(method, { resource: name, ...texts });
    return this.wire.askOne(name, read, asking, method, name, ...more);
  }
}

/** The options with the token as text: as a number it would be too large for an XML-RPC integer. */
function withDigits<O extends TokenOptions>(options: O): O {
  return options.token === undefined ? options : { ...options, token: String(options.token) };
}
