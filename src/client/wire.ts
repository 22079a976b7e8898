/**
 * From a typed question to a checked answer: finds the daemon that has the resource, and believes nothing that it is
 * answered before it was read member by member.
 */
import type { Health } from '../service/api.js';
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import type { Answered, CallOptions, Calls } from './calls.js';
import { underEither } from './either-signal.js';
import type { Parameter } from './encode-call.js';
import { RefusedCall } from './errors.js';
import { otherVersion } from './failures.js';
import { UnexpectedAnswer } from './members.js';
import type { Settings } from './options.js';

/** How a question is asked. */
export interface Asking extends CallOptions {
  /** It tidies up behind something that was aborted: the signal of the client does not end it. */
  readonly isCleanup?: boolean;
}

type Read<T> = (value: XmlRpcValue) => T;

export class Wire {
  constructor(private readonly settings: Settings) {}

  /** The name of a resource as the daemon has it. Throws `RefusedCall` for what is no text: a variable that is not set, say. */
  name(resource: string): string {
    if (typeof resource !== 'string')
      throw new RefusedCall(BAD_PARAMETERS, `parameter 'resource' must be string, not ${typeof resource}`);
    return this.settings.prefix + resource;
  }

  /** Asks the daemon of `resource`, whose full name it is, and which is the first parameter of the method. */
  async ask<T>(
    read: Read<T>,
    asking: Asking,
    method: string,
    resource: string,
    ...more: Parameter[]
  ): Promise<Answered<T>> {
    return this.#ask(this.settings.shards.of(resource), read, asking, method, [resource, ...more]);
  }

  /** Asks the daemon of `resource` with these parameters. */
  async askOne<T>(
    resource: string,
    read: Read<T>,
    asking: Asking,
    method: string,
    ...parameters: Parameter[]
  ): Promise<T> {
    const { value } = await this.#ask(this.settings.shards.of(resource), read, asking, method, parameters);
    return value;
  }

  /** Asks the only daemon. */
  async askOnly<T>(read: Read<T>, asking: Asking, method: string, ...parameters: Parameter[]): Promise<T> {
    const { value } = await this.#ask(this.settings.shards.only(method), read, asking, method, parameters);
    return value;
  }

  /** Asks every daemon. */
  async askAll<T>(read: Read<T>, asking: Asking, method: string, ...parameters: Parameter[]): Promise<T[]> {
    const asked = this.settings.shards.all.map((calls) => this.#ask(calls, read, asking, method, parameters));
    return (await Promise.all(asked)).map(({ value }) => value);
  }

  /** The daemon of this resource; without one the only daemon. */
  callsFor(resource: string | undefined, method: string): Calls {
    return resource === undefined ? this.settings.shards.only(method) : this.settings.shards.of(resource);
  }

  async health(): Promise<Health> {
    return this.settings.shards.only('health').health(this.settings.signal);
  }

  close(): void {
    for (const calls of this.settings.shards.all) calls.close();
  }

  async #ask<T>(
    calls: Calls,
    read: Read<T>,
    { isCleanup = false, ...options }: Asking,
    method: string,
    parameters: readonly Parameter[],
  ): Promise<Answered<T>> {
    const signals = [options.signal, isCleanup ? undefined : this.settings.signal];
    const { value, sent } = await underEither(signals, (signal) =>
      calls.call(method, parameters, { ...options, signal }),
    );
    try {
      return { value: read(value), sent };
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw error;
      throw otherVersion(calls.url, method, error.message);
    }
  }
}
