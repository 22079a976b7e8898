/** What a request asks, and what an answer says, as the history has it. */
import { REFUSALS, type RefusalName } from '../../src/core/refusals.js';
import { parseCall, parseResponse } from '../../src/xmlrpc/parse.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import type { Call, Method, Outcome, SeenHold } from '../history/history.js';

type Struct = Readonly<Record<string, XmlRpcValue>>;
type Asked = Omit<Call, 'id' | 'started'>;

const NAMES = new Map(
  (Object.entries(REFUSALS) as [RefusalName, { readonly code: number }][]).map(([name, { code }]) => [
    code,
    name,
  ]),
);

function structOf(value: XmlRpcValue | undefined): Struct {
  return value instanceof Map ? Object.fromEntries(value) : {};
}

/** The call in a request. */
export function readCall(xml: string): Asked {
  const { method, params } = parseCall(Buffer.from(xml), 'utf-8');
  const [resource, second] = params;
  const options = structOf(params.at(-1));
  const namesClient = !['check', 'status', 'forceUnlock', 'confirmFenced'].includes(method);
  const token = method === 'check' ? second : options.token;
  const of = (name: string) => options[name];
  return {
    method: method as Method,
    resource: String(resource),
    client: namesClient ? String(second) : String(of('client') ?? ''),
    ...(of('request') === undefined ? {} : { request: String(of('request')) }),
    ...(token === undefined ? {} : { token: Number(token) }),
    ...(of('ttl') === undefined ? {} : { ttl: Number(of('ttl')) }),
    ...(of('newClient') === undefined ? {} : { newClient: String(of('newClient')) }),
    ...(of('fenced') === true ? { isVouched: true } : {}),
  };
}

/** What was answered to a call. */
export function readOutcome({ method }: Pick<Call, 'method'>, body: string): Outcome {
  const response = parseResponse(Buffer.from(body), 'utf-8');
  if ('fault' in response) {
    const { code, text } = response.fault;
    return { kind: 'refused', refusal: NAMES.get(code) ?? 'protocol', text };
  }
  const { value } = response;
  switch (method) {
    case 'check':
      return { kind: 'checked', isCurrent: value === true };
    case 'status':
      return seen(structOf(value));
    case 'enqueue': {
      const { state, position, hold } = structOf(value);
      return state === 'queued' ? { kind: 'queued', position: Number(position) } : holdIn(structOf(hold));
    }
    case 'lock':
    case 'wait':
    case 'renew':
    case 'extend':
    case 'update':
      return holdIn(structOf(value));
    default:
      return { kind: 'done' };
  }
}

function holdIn({ client, token, limit, ttl, left }: Struct): Outcome {
  return {
    kind: 'hold',
    client: String(client),
    token: Number(token),
    limit: Number(limit),
    ...(ttl === undefined ? {} : { ttl: Number(ttl) }),
    ...(left === undefined ? {} : { left: Number(left) }),
  };
}

function seen({ limit, holders, queue, state }: Struct): Outcome {
  const holds = (Array.isArray(holders) ? holders : []).map((value): SeenHold => {
    const hold = structOf(value);
    return { client: String(hold.client), token: Number(hold.token), isLive: hold.state === 'held' };
  });
  const line = (Array.isArray(queue) ? queue : []).map((value) => String(structOf(value).client));
  return { kind: 'seen', limit: Number(limit), holds, line, isUnreadable: state === 'unreadable' };
}
