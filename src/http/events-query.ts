/** What a request for `/events` asks for. Pure. */
import type { EventsOptions } from '../service/api.js';
import type { Problem } from './problems.js';

const TEXTS = ['prefix', 'resource', 'from', 'to', 'client'] as const;
const LISTS = ['include'] as const;
const LAST_EVENT_ID = 'lastEventId';
const KNOWN: readonly string[] = [...TEXTS, ...LISTS, LAST_EVENT_ID];

/**
 * The options that a query and the Last-Event-ID header stand for; the header counts before the parameter, which is the older
 * one after a reconnect. What values are right is for the feed to say.
 */
export function readEventsQuery(
  query: URLSearchParams,
  lastEventId: string | undefined,
): EventsOptions | Problem {
  for (const name of query.keys()) {
    if (!KNOWN.includes(name)) {
      return problem(`There is no parameter '${name.slice(0, 40)}'; /events takes ${KNOWN.join(', ')}`);
    }
    if (query.getAll(name).length > 1) return problem(`Give '${name}' once: it stands there several times`);
  }
  const given = TEXTS.flatMap((name) => {
    const text = query.get(name);
    return text === null ? [] : [[name, text] as const];
  });
  const include = query.get('include');
  const after = lastEventId || query.get(LAST_EVENT_ID);
  return {
    ...Object.fromEntries(given),
    ...(include ? { include: include.split(',') as NonNullable<EventsOptions['include']> } : {}),
    ...(after ? { after } : {}),
  };
}

function problem(detail: string): Problem {
  return { name: 'badQuery', detail };
}
