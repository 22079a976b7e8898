/** Events as Server-Sent Events: the text of each, and the bytes of those that are sent at once. */
import type { EventNotice, LockEvent } from '../service/api.js';

/** A comment, which shows that the stream still stands. `position`: an id without an event, to go on behind it. */
export function heartbeatText(position: string | undefined): string {
  return position === undefined ? ': \n\n' : `: \nid: ${position}\n\n`;
}

/** The daemon stops: nothing comes any more. */
export const BYE_TEXT = 'event: bye\ndata: {}\n\n';

export function noticeText({ event, ...data }: EventNotice): string {
  // A gap has no id of its own: the reader is where it was, until it is told where things go on.
  const id = 'id' in data ? `id: ${data.id}\n` : '';
  return `${id}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * One event, with what `lockd history --json` prints of it. JSON has no line feed of its own. Written by hand, in a fourth of
 * the time that JSON.stringify takes: a busy daemon tells of every call.
 */
export function eventText({ id, time, event, resource, client, token, by, reason }: LockEvent): string {
  return (
    `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: {${id === undefined ? '' : `"id":"${id}",`}` +
    `"time":"${isoText(time)}","event":"${event}","resource":${quoted(resource)},"client":${quoted(client)}` +
    `${token === undefined ? '' : `,"token":"${token}"`}${by === undefined ? '' : `,"by":${quoted(by)}`}` +
    `${reason === undefined ? '' : `,"reason":${quoted(reason)}`}}\n\n`
  );
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

let lastTime = Number.NaN;
let lastText = '';

/** The events of a turn have the same time. */
function isoText(date: Date): string {
  const time = date.getTime();
  if (time === lastTime) return lastText;
  lastText = date.toISOString();
  lastTime = time;
  return lastText;
}

/** The feed hands the same array to all who asked for the same. */
const ENCODED = new WeakMap<readonly LockEvent[], Buffer>();

/** The bytes of events that came at once; made once, however many are sent them. */
export function encodeEvents(events: readonly LockEvent[]): Buffer {
  const known = ENCODED.get(events);
  if (known) return known;
  const bytes = Buffer.from(events.map(eventText).join(''));
  ENCODED.set(events, bytes);
  return bytes;
}
