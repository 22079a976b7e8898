/** An event as a row: `TIME EVENT RESOURCE CLIENT TOKEN BY REASON`. */
import type { LockEvent } from '../service/api.js';
import { utcText } from './moments.js';
import type { Terminal } from './terminal.js';

const EVENT_COLUMN = 1;

/** Events that an operator looks for: a hold ended against its holder's will, or a fencing does not succeed. */
const ALARMING: ReadonlySet<string> = new Set(['expired', 'forced', 'handedOver', 'fencing', 'fenceFailed']);

/** The cells of an event; what it lacks is empty. */
export function eventCells({
  time,
  event,
  resource,
  client,
  token = '',
  by = '',
  reason = '',
}: LockEvent): string[] {
  return [utcText(time), event, resource, client, token, by, reason];
}

/** A cell with its colour. */
export function paintEvent(cell: string, column: number, terminal: Terminal): string {
  return column === EVENT_COLUMN && ALARMING.has(cell) ? terminal.paint('yellow', cell) : cell;
}
