/**
 * `GET /events`: what happens, as it happens, as Server-Sent Events. `Last-Event-ID` goes on where a stream was cut. A stream is
 * the last that its connection carries; it counts among the connections, and ends when the server closes.
 */
import { BadParameter, Refusal } from '../core/refusals.js';
import type { EventsOptions } from '../service/api.js';
import type { Following } from '../service/feed-following.js';
import { readEventsQuery } from './events-query.js';
import { SlowReader, sendEvents } from './events-stream.js';
import type { Timeouts } from './limits.js';
import type { Page, Visit } from './visit.js';

/** Where events come from. */
export interface EventSource {
  /** Throws `BadParameter`, and `Refusal` where events are another daemon's to tell. */
  follow(options: EventsOptions): Following;
}

export interface EventsPageOptions {
  readonly source: EventSource;
  readonly timeouts: Pick<Timeouts, 'heartbeatMs' | 'answerMs'>;
  /** Told who was cut off, and why. */
  readonly onCut: (from: string, reason: string) => void;
}

const HEADERS = [
  ...['Content-Type', 'text/event-stream; charset=utf-8'],
  ...['Cache-Control', 'no-store'],
  ...['X-Content-Type-Options', 'nosniff'],
  // A proxy that collects what it passes on would hold back what is news.
  ...['X-Accel-Buffering', 'no'],
  ...['Connection', 'close'],
];

export function eventsPage(options: EventsPageOptions): Page {
  return { isOfLeader: true, show: (visit) => show(visit, options) };
}

async function show(visit: Visit, { source, timeouts, onCut }: EventsPageOptions): Promise<void> {
  const { connection, request, response } = visit;
  const query = readEventsQuery(visit.query, headerOf(request.headers['last-event-id']));
  if ('name' in query) return visit.refuse(query);
  const following = followingOf(source, query);
  if (following instanceof BadParameter)
    return visit.refuse({ name: 'badQuery', detail: problemText(following) });
  if (following instanceof Refusal) return visit.refuse({ name: 'noLeader', detail: following.message });
  connection.end();
  response.writeHead(200, [...visit.common, ...HEADERS]);
  if (request.method === 'HEAD') {
    following.close();
    connection.answered();
    response.end();
    return;
  }
  // Of its body nobody wants to know.
  request.resume();
  response.flushHeaders();
  const close = () => following.close();
  connection.whenClosing(close);
  const isThere = connection.onGone(close);
  response.once('close', close);
  try {
    await sendEvents({ response, following, ...timeouts });
    connection.answered();
  } catch (error) {
    if (!(error instanceof SlowReader)) throw error;
    connection.socket.destroy();
    onCut(connection.from, error.message);
  } finally {
    isThere();
    following.close();
  }
}

function followingOf(source: EventSource, options: EventsOptions): Following | BadParameter | Refusal {
  try {
    return source.follow(options);
  } catch (error) {
    if (error instanceof BadParameter || error instanceof Refusal) return error;
    throw error;
  }
}

/** In the words of whoever sent it. */
function problemText({ message }: BadParameter): string {
  return message.replace(/^parameter 'after'/, 'Last-Event-ID');
}

/** Node joins repeated headers of this name, which then are no id. */
function headerOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
