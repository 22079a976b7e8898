/** A lock service that notes what is asked of it and answers what the test says. */
import type { CallContext, LockService } from '../../src/service/api.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import type { RequestContext } from '../../src/xmlrpc/method.js';
import { type ParsedResponse, parseResponse } from '../../src/xmlrpc/parse.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { bytes } from './documents.js';

type Asked = [method: string, ...parameters: unknown[]];
type Answer = (...asked: Asked) => unknown;

export interface FakeService extends LockService {
  /** Every call, in order; the context is left out. */
  readonly asked: Asked[];
  /** The context of every call, in order; undefined for calls without one. */
  readonly contexts: (CallContext | undefined)[];
}

/** @param answer gives each call's answer, or throws what the service shall reject with. */
export function fakeService(answer: Answer = () => true): FakeService {
  const asked: Asked[] = [];
  const contexts: (CallContext | undefined)[] = [];
  const ask = async (context: CallContext | undefined, ...call: Asked): Promise<never> => {
    asked.push(call);
    contexts.push(context);
    await Promise.resolve(); // As the real one: decided now, answered later.
    return answer(...call) as never;
  };
  return {
    asked,
    contexts,
    lock: (resource, client, options, context) => ask(context, 'lock', resource, client, options),
    enqueue: (resource, client, options, context) => ask(context, 'enqueue', resource, client, options),
    wait: (resource, client, seconds, options, context) =>
      ask(context, 'wait', resource, client, seconds, options),
    cancel: (resource, client, context) => ask(context, 'cancel', resource, client),
    unlock: (resource, client, options, context) => ask(context, 'unlock', resource, client, options),
    renew: (resource, client, options, context) => ask(context, 'renew', resource, client, options),
    extend: (resource, client, seconds, options, context) =>
      ask(context, 'extend', resource, client, seconds, options),
    update: (resource, client, options, context) => ask(context, 'update', resource, client, options),
    check: (resource, token, context) => ask(context, 'check', resource, token),
    forceUnlock: (resource, options, context) => ask(context, 'forceUnlock', resource, options),
    confirmFenced: (resource, options, context) => ask(context, 'confirmFenced', resource, options),
    status: (resource, context) => ask(context, 'status', resource),
    list: (options) => ask(undefined, 'list', options),
    history: (options) => ask(undefined, 'history', options),
    stats: () => ask(undefined, 'stats'),
    health: () => ({ status: 'ok', problems: [] }),
    readiness: () => ({ status: 'ready', problems: [] }),
  };
}

/** What a caller reads of the answer to `body`. */
export async function answerTo(
  body: string,
  service: LockService = fakeService(),
  context: RequestContext = { from: '192.0.2.1:1000' },
): Promise<ParsedResponse> {
  return parseResponse(bytes(await handleCall(bytes(body), 'utf-8', service, context)));
}

/** The value of the answer to `body`; fails if it is a fault. */
export async function valueOfAnswer(body: string, service?: LockService): Promise<XmlRpcValue> {
  const response = await answerTo(body, service);
  if ('fault' in response) throw new Error(`fault ${response.fault.code}: ${response.fault.text}`);
  return response.value;
}
