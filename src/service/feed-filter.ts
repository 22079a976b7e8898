/** Which events somebody wants to be told of. */
import type { EventKind, EventsOptions, LockEvent } from './api.js';
import { check, checkOptions, checkText, eventId } from './parameters.js';

/** Those that fit all that is given. */
export interface EventFilter {
  readonly prefix?: string;
  readonly resource?: string;
  /** The first and the last resource of a window, in the order of `list`. */
  readonly from?: string;
  readonly to?: string;
  readonly client?: string;
  /** What is told besides the history; in the order of `EXTRAS`, each once. */
  readonly include: readonly EventExtra[];
}

/** Events that are told on request only: nobody finds them in the history. */
export type EventExtra = 'renewed' | 'queued';

/** `queued`: that clients which cannot come back joined or left a line. */
export const EXTRAS: readonly EventExtra[] = ['renewed', 'queued'];

const TEXTS = ['prefix', 'resource', 'from', 'to', 'client'] as const;

/** Throws `BadParameter`. */
export function filterOf(options: EventsOptions): EventFilter {
  checkOptions(options, [...TEXTS, 'include', 'after']);
  const filter: { -readonly [Name in keyof EventFilter]: EventFilter[Name] } = {
    include: includeOf(options.include ?? []),
  };
  for (const name of TEXTS) {
    const text = options[name];
    checkText(name, text);
    if (text !== undefined) filter[name] = text;
  }
  return filter;
}

/** The id after which to go on; undefined: from now on. Throws `BadParameter`. */
export function afterOf({ after }: EventsOptions): string | undefined {
  return after === undefined ? undefined : eventId('after', after);
}

function includeOf(include: unknown): EventExtra[] {
  if (!Array.isArray(include)) check('include', `must be a list of ${EXTRAS.join(', ')}`);
  const asked = include as unknown[];
  const unknown = asked.find((name) => !EXTRAS.some((extra) => extra === name));
  check(
    'include',
    unknown === undefined
      ? undefined
      : `must name ${EXTRAS.join(' or ')}, not '${String(unknown).slice(0, 40)}'`,
  );
  return EXTRAS.filter((extra) => asked.includes(extra));
}

/** The same text for filters that tell the same. */
export function filterKey({ include, ...texts }: EventFilter): string {
  return JSON.stringify([include, ...TEXTS.map((name) => texts[name] ?? null)]);
}

/** Whether an event is one of those. */
export function isWanted(event: LockEvent, filter: EventFilter): boolean {
  const { resource } = event;
  if (event.id === undefined && !filter.include.includes(extraOf(event.event))) return false;
  return (
    (filter.resource === undefined || resource === filter.resource) &&
    (filter.client === undefined || event.client === filter.client) &&
    (filter.prefix === undefined || resource.startsWith(filter.prefix)) &&
    (filter.from === undefined || resource >= filter.from) &&
    (filter.to === undefined || resource <= filter.to)
  );
}

/** By what an event without id is asked for. */
function extraOf(event: EventKind): EventExtra {
  return event === 'renewed' ? 'renewed' : 'queued';
}
