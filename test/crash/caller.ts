/** Calls with options on a bare connection, and their answers as the client library reads them. */
import {
  readEnqueued,
  readEvents,
  readHold,
  readStats,
  readStatus,
  readStatuses,
  readTrue,
} from '../../src/client/answers.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { Wire } from '../http/wire.js';
import { structOf } from '../xmlrpc/documents.js';
import { call } from './clients.js';
import type { FoundHold } from './ledger.js';

export type Options = Readonly<Record<string, string | number>>;

function optionsXml(options: Options): string {
  const xml = Object.entries(options).map(([name, value]) => [name, scalarXml(value)]);
  return structOf(Object.fromEntries(xml));
}

function scalarXml(value: string | number): string {
  return typeof value === 'string' ? `<string>${value}</string>` : `<double>${value}</double>`;
}

/** The daemon refused a call. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(
    readonly code: number,
    readonly text: string,
  ) {
    super(`fault ${code}: ${text}`);
  }
}

/** One connection. Its methods reject with `Refused`, or with another error where the connection ends before the answer. */
export class Caller {
  private constructor(readonly wire: Wire) {}

  static async to(url: string): Promise<Caller> {
    return new Caller(await Wire.to(url));
  }

  lock(resource: string, client: string, options: Options = {}) {
    return this.#ask(readHold, 'lock', resource, client, optionsXml(options));
  }

  enqueue(resource: string, client: string, options: Options = {}) {
    return this.#ask(readEnqueued, 'enqueue', resource, client, optionsXml(options));
  }

  wait(resource: string, client: string, seconds: number) {
    return this.#ask(readHold, 'wait', resource, client, scalarXml(seconds));
  }

  renew(resource: string, client: string, options: Options = {}) {
    return this.#ask(readHold, 'renew', resource, client, optionsXml(options));
  }

  unlock(resource: string, client: string, options: Options = {}) {
    return this.#ask(readTrue, 'unlock', resource, client, optionsXml(options));
  }

  status(resource: string) {
    return this.#ask(readStatus, 'status', resource);
  }

  list() {
    return this.#ask(readStatuses, 'list', structOf({ count: '<int>10000</int>' }));
  }

  stats() {
    return this.#ask(readStats, 'stats');
  }

  /** One page, newest first. */
  history(options: Readonly<Record<string, string>>, count: number) {
    const xml = Object.entries({ ...options }).map(([name, value]) => [name, scalarXml(value)]);
    return this.#ask(
      readEvents,
      'history',
      structOf({ ...Object.fromEntries(xml), count: `<int>${count}</int>` }),
    );
  }

  close(): void {
    this.wire.socket.destroy();
  }

  async #ask<T>(read: (value: XmlRpcValue) => T, method: string, ...params: string[]): Promise<T> {
    const response = await call(this.wire, method, ...params);
    if ('fault' in response) throw new Refused(response.fault.code, response.fault.text);
    return read(response.value);
  }
}

/** The holds that are not lost, as many as one page has. */
export async function livingHolds(url: string): Promise<FoundHold[]> {
  const caller = await Caller.to(url);
  const statuses = await caller.list();
  caller.close();
  const living = statuses.flatMap(({ holders }) => holders).filter(({ state }) => state === 'held');
  return living.map(({ resource, client, token }) => ({ resource, client, token: Number(token) }));
}

/** What happened to a resource, oldest first, as `EVENT CLIENT`. */
export async function storyOf(url: string, resource: string): Promise<string[]> {
  const caller = await Caller.to(url);
  const events = await caller.history({ resource }, 1_000);
  caller.close();
  return events.map(({ event, client }) => `${event} ${client}`).reverse();
}
