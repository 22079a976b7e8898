/** From what turns changed to what is told of it. */
import type { Hold } from '../core/answers.js';
import { type Change, storedPart } from '../core/records.js';
import { eventOf } from '../store/events.js';
import type { StoredEvent } from '../store/port.js';
import type { HistoryEvent, LockEvent } from './api.js';

/** A turn as its changes were decided; with its number where something of it was saved. */
export interface TurnTold {
  readonly turn: number | undefined;
  readonly changes: readonly Change[];
}

/** The events of a turn in order, each as the history has it, and without id what the history has not. */
export function eventsOfTurn({ turn, changes }: TurnTold): LockEvent[] {
  const events: LockEvent[] = [];
  let index = 0;
  for (const change of changes) {
    const stored = storedPart(change);
    const event = eventOf(turn ?? 0, index, change);
    if (stored) index += 1;
    if (!event) continue;
    if (stored) events.push(historyEvent(event));
    else events.push(withoutId(historyEvent(event)));
  }
  return events;
}

/** The event of a saved turn as callers see it. */
export function historyEvent({
  id,
  time,
  event,
  resource,
  client,
  token,
  ...more
}: StoredEvent): HistoryEvent {
  const known = token === 0 ? {} : { token: String(token) };
  return { id, time: new Date(time), event, resource, client, ...known, ...more };
}

/** A lease was renewed. */
export function renewedEvent({ renewed, resource, client, token }: Hold): LockEvent {
  return { time: renewed, event: 'renewed', resource, client, token };
}

function withoutId({ id: _, ...event }: HistoryEvent): LockEvent {
  return event;
}
