/** A lock service that notes what is asked of it and answers what the test says. */
import type { LockService } from '../../src/service/api.js';
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
}

/** @param answer gives each call's answer, or throws what the service shall reject with. */
export function fakeService(answer: Answer = () => true): FakeService {
  const asked: Asked[] = [];
  const ask = async (...call: Asked): Promise<never> => {
    asked.push(call);
    await Promise.resolve(); // As the real one: decided now, answered later.
    return answer(...call) as never;
  };
  return {
    asked,
    lock: (resource, client, options) => ask('lock', resource, client, options),
    unlock: (resource, client, options) => ask('unlock', resource, client, options),
    forceUnlock: (resource, options) => ask('forceUnlock', resource, options),
    status: (resource) => ask('status', resource),
    list: (options) => ask('list', options),
    stats: () => ask('stats'),
    health: () => ({ status: 'ok', problems: [] }),
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
