/**
 * `open://`: no daemon, and no lock. Everything is granted, to everybody at once, with the token 0, which `check` and
 * `lockd gate` refuse, and without a lease. For tests, and for debugging with the lock taken by hand.
 */
import type { Health } from '../service/api.js';
import type { XmlRpcStruct, XmlRpcValue } from '../xmlrpc/values.js';
import type { Answered, Calls } from './calls.js';
import type { Parameter } from './encode-call.js';
import { NoDaemon } from './errors.js';
import { REAL_CLOCK } from './lease-clock.js';

let hasWarned = false;

export class OpenCalls implements Calls {
  readonly urls: readonly URL[];

  constructor(readonly url: URL) {
    this.urls = [url];
    if (hasWarned) return;
    hasWarned = true;
    process.emitWarning(
      'open:// locks nothing: every lock is granted to everybody, with token 0',
      'LockdWarning',
    );
  }

  async call(method: string, parameters: readonly Parameter[]): Promise<Answered<XmlRpcValue>> {
    return { value: answerOf(method, parameters), sent: REAL_CLOCK.now() };
  }

  async health(): Promise<Health> {
    return { status: 'ok', problems: [] };
  }

  async events(): Promise<never> {
    throw new NoDaemon('There is no daemon behind open://, and nothing that could be told');
  }

  close(): void {}
}

function answerOf(method: string, parameters: readonly Parameter[]): XmlRpcValue {
  const [resource = '', client = ''] = parameters;
  switch (method) {
    case 'lock':
    case 'renew':
    case 'update':
    case 'wait':
    case 'extend':
      return holdOf(String(resource), String(client), parameters.at(-1));
    case 'enqueue': {
      const hold = holdOf(String(resource), String(client), parameters.at(-1));
      return struct({ state: 'granted', position: 0, hold });
    }
    case 'unlock':
    case 'cancel':
    case 'forceUnlock':
    case 'confirmFenced':
      return true;
    case 'check':
      return false;
    case 'status':
      return statusOf(String(resource));
    case 'list':
    case 'history':
      return [];
    default:
      throw new NoDaemon(`${method}: there is no daemon behind open://`);
  }
}

function holdOf(resource: string, client: string, options: Parameter | undefined): XmlRpcStruct {
  const { limit = 1, note } = typeof options === 'object' ? options : {};
  const now = new Date();
  return struct({
    resource,
    client,
    token: '0',
    limit: Number(limit),
    state: 'held',
    acquired: now,
    renewed: now,
    from: 'open://',
    waited: 0,
    ...(note === undefined ? {} : { note: String(note) }),
  });
}

function statusOf(resource: string): XmlRpcStruct {
  return struct({ resource, state: 'free', limit: 1, held: 0, holders: [], waiting: 0, queue: [], file: '' });
}

function struct(members: Readonly<Record<string, XmlRpcValue>>): XmlRpcStruct {
  return new Map(Object.entries(members));
}
