/** A grant: the hold that a place was waiting for, and the change that makes it one. */
import type { Now } from '../commands.js';
import type { Change, HoldRecord, PlaceRecord } from '../records.js';
import type { State } from '../state.js';
import { superseded } from './common.js';

/** A new hold; of what the client lost there before, only a call that names its token asks any more. */
export function granted({ table }: State, hold: HoldRecord, now: Now, place?: PlaceRecord): Change {
  const { resource, client, token } = hold;
  const put = [hold, ...superseded(table, resource, client)];
  const remove = place === undefined ? {} : { remove: [placeKey(place)] };
  return { event: 'granted', time: now.time, resource, client, token, put, ...remove };
}

/** The hold that a place was waiting for. */
export function holdFrom(place: PlaceRecord, token: number, now: Now): HoldRecord {
  const { resource, client, limit, from, ttl, note, request } = place;
  return {
    kind: 'hold',
    resource,
    client,
    token,
    limit,
    acquired: now.time,
    from,
    waited: Math.max(0, now.time - place.since) / 1_000,
    ...(ttl === undefined ? {} : { ttl }),
    ...(note === undefined ? {} : { note }),
    ...(request === undefined ? {} : { request }),
  };
}

/** Names a place. */
export function placeKey({ resource, client, claim }: PlaceRecord) {
  return { kind: 'place', resource, client, claim } as const;
}
