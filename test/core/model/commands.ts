/** Makes commands of what is meant. */
import type { Command } from '../../../src/core/commands.js';
import * as make from '../history.js';
import { type Aftermath, some } from './model.js';
import type { Model } from './rules.js';
import type { Deed, Meant, Who } from './steps.js';

/** What happens to a lost hold, by the resource. */
export const AFTERMATHS: { readonly [Resource in Who['resource']]: Aftermath } = {
  plain: 'none',
  fenced: 'fence',
  delayed: 'delay',
};

/** A token that never was. */
export const NEVER = 999_999;

/** The command of a deed; its token is that of the moment. `received`: milliseconds of the monotonic clock. */
export function commandOf(model: Model, deed: Deed, received: number): Command {
  const { resource, client } = deed;
  const token = 'token' in deed ? tokenOf(model, deed.token, deed) : undefined;
  const named = token === undefined ? {} : { token };
  const number = Number(token ?? NEVER);
  switch (deed.deed) {
    case 'lock':
      return make.lock(resource, client, { ...deed.ask, wait: deed.wait, received });
    case 'enqueue':
      return make.enqueue(resource, client, { ...deed.ask, received });
    case 'wait':
      return make.wait(resource, client, deed.wait, deed.request);
    case 'cancel':
      return make.cancel(resource, client);
    case 'unlock':
      return make.unlock(resource, client, token);
    case 'withdraw': {
      // Only what was granted to a place, or to somebody without one, is ever withdrawn.
      const held = model.place(resource, client) ? undefined : model.hold(resource, client);
      return make.withdraw(resource, client, held?.token ?? NEVER, deed.claim);
    }
    case 'renew':
      return make.renew(resource, client, some<object>({ ...named, ttl: deed.ttl }));
    case 'extend':
      return make.extend(resource, client, deed.seconds, named);
    case 'update': {
      const { ttl, note, newClient } = deed;
      return make.update(resource, client, some<object>({ ...named, ttl, note, newClient }));
    }
    case 'check':
      return make.check(resource, token ?? '0');
    case 'force': {
      const { isNamed, fenced } = deed;
      const aftermath = fenced ? 'none' : AFTERMATHS[resource];
      return make.force(resource, isNamed ? client : undefined, { fenced, aftermath });
    }
    case 'fenceFailed':
      return make.fenceFailed(resource, client, number);
    case 'fenced':
      return make.fenced(resource, client, number);
    case 'confirmFenced':
      return make.confirmFenced(resource, token);
    case 'adopt': {
      const own = deed.own === undefined ? {} : { token: deed.own };
      return make.adopt(resource, [{ client, ...own }], deed.limit);
    }
    case 'forget':
      return { kind: 'forget' };
  }
}

function tokenOf(model: Model, meant: Meant, { resource, client }: Who): string | undefined {
  if (meant === 'none') return undefined;
  const { records } = model;
  const isIt = (one: Who | { resource: string; client: string }) =>
    one.resource === resource && one.client === client;
  const from = meant === 'own' ? records.holds : meant === 'lost' ? records.losses : [];
  return String(from.findLast(isIt)?.token ?? NEVER);
}
