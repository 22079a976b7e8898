/**
 * A client of a lock daemon: every method of the wire as a typed method. It keeps its connection, never repeats a call
 * that may have changed something, and believes nothing that it is answered before it was checked.
 */
import type { Hold } from '../core/commands.js';
import type {
  FileStatus,
  ForceUnlockOptions,
  Health,
  ListOptions,
  LockOptions,
  UnlockOptions,
} from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import {
  type DaemonStats,
  readHold,
  readStats,
  readStatus,
  readStatuses,
  readTrue,
  UnexpectedAnswer,
} from './answers.js';
import { Caller, type Parameter } from './caller.js';
import { checkTexts } from './check-texts.js';
import { processName } from './client-name.js';
import { readDaemonUrl } from './daemon-url.js';
import { otherVersion } from './failures.js';

export interface LockdClientOptions {
  /** `http://HOST:PORT`. */
  readonly url: string | URL;
  /** Who locks; `user@host:pid-random` when absent. */
  readonly client?: string;
  /** Seconds for an answer once the connection stands; 10 when absent. */
  readonly timeoutSeconds?: number;
  /** Seconds to wait before each further try to connect; 1 and 3 when absent. */
  readonly retryPausesSeconds?: readonly number[];
}

/** Resources per page when all are listed: an answer that a daemon writes between two turns. */
const PAGE_COUNT = 1_000;

/**
 * Every method rejects with `RefusedCall` (the daemon says no), `NoDaemon` (nobody answers, nothing changed),
 * `OutcomeUnknown` (the answer of a change was lost), or `NotLockd` (something else answers).
 */
export class LockdClient {
  readonly url: URL;
  /** The name under which it locks. */
  readonly client: string;
  readonly #caller: Caller;

  constructor({ url, client = processName(), timeoutSeconds = 10, retryPausesSeconds }: LockdClientOptions) {
    this.url = readDaemonUrl(String(url));
    this.client = client;
    this.#caller = new Caller({
      url: this.url,
      timeoutSeconds,
      ...(retryPausesSeconds ? { retryPausesSeconds } : {}),
    });
  }

  /** Takes `resource`, or is refused at once. */
  async lock(resource: string, options: LockOptions = {}): Promise<Hold> {
    checkTexts('lock', { resource, client: this.client, note: options.note });
    return this.#change(readHold, 'lock', resource, this.client, { ...options });
  }

  /** Gives `resource` back; with a token, only that very hold. */
  async unlock(resource: string, options: UnlockOptions = {}): Promise<true> {
    checkTexts('unlock', { resource, client: this.client });
    return this.#change(readTrue, 'unlock', resource, this.client, { ...options });
  }

  /** Ends somebody's hold against its holder's will; resolves when that is saved. */
  async forceUnlock(resource: string, options: ForceUnlockOptions): Promise<true> {
    checkTexts('forceUnlock', { resource, reason: options.reason, client: options.client });
    return this.#change(readTrue, 'forceUnlock', resource, { ...options });
  }

  /** Who holds `resource`; a free one has a status too. */
  async status(resource: string): Promise<FileStatus> {
    checkTexts('status', { resource });
    return this.#ask(readStatus, 'status', resource);
  }

  /** One page of the resources that are not free. */
  list(options: ListOptions = {}): Promise<FileStatus[]> {
    return this.#ask(readStatuses, 'list', { ...options });
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

  /** What the daemon has done since its start. */
  stats(): Promise<DaemonStats> {
    return this.#ask(readStats, 'stats');
  }

  /** Whether all is well with the daemon. */
  health(): Promise<Health> {
    return this.#caller.health();
  }

  /** Any other method, its answer as it came. It is never sent twice. */
  call(method: string, ...parameters: readonly Parameter[]): Promise<XmlRpcValue> {
    return this.#caller.call(method, parameters, false);
  }

  /** Closes the connection; the client can still be used, and makes a new one. */
  close(): void {
    this.#caller.close();
  }

  async #change<T>(read: (value: XmlRpcValue) => T, method: string, ...parameters: Parameter[]): Promise<T> {
    return this.#read(read, method, await this.#caller.call(method, parameters, false));
  }

  async #ask<T>(read: (value: XmlRpcValue) => T, method: string, ...parameters: Parameter[]): Promise<T> {
    return this.#read(read, method, await this.#caller.call(method, parameters, true));
  }

  #read<T>(read: (value: XmlRpcValue) => T, method: string, value: XmlRpcValue): T {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw error;
      throw otherVersion(this.url, method, error.message);
    }
  }
}
