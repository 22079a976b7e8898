/**
 * Those who listen, by what they ask for: those who ask for the same are handed the same array. What happens is shown only to
 * those whom it may concern, so that thousands who each follow a resource or client of their own cost no more than a few.
 */
import type { LockEvent } from './api.js';
import { type EventFilter, filterKey, isWanted } from './feed-filter.js';

/** Gets the events that it asked for, in order: one array for all who asked for the same. */
export type Listener = (events: readonly LockEvent[]) => void;

/** Those who ask for the same. */
interface Group {
  readonly filter: EventFilter;
  readonly listeners: Set<Listener>;
}

/** What all may concern. */
const ANYTHING = '';

export class Groups {
  /** By what they are about, and there by all that they ask for. */
  readonly #subjects = new Map<string, Map<string, Group>>();

  get isEmpty(): boolean {
    return this.#subjects.size === 0;
  }

  /** Adds a listener; what this returns removes it again. */
  add(filter: EventFilter, listener: Listener): () => void {
    const [subject, key] = [subjectOf(filter), filterKey(filter)];
    const groups = this.#subjects.get(subject) ?? new Map<string, Group>();
    const group = groups.get(key) ?? { filter, listeners: new Set() };
    this.#subjects.set(subject, groups.set(key, group));
    group.listeners.add(listener);
    return () => {
      group.listeners.delete(listener);
      if (group.listeners.size === 0 && groups.get(key) === group) groups.delete(key);
      if (groups.size === 0 && this.#subjects.get(subject) === groups) this.#subjects.delete(subject);
    };
  }

  /** Hands each its part of the events. */
  tell(events: readonly LockEvent[]): void {
    for (const [subject, concerning] of this.#bySubject(events)) {
      for (const { filter, listeners } of [...(this.#subjects.get(subject)?.values() ?? [])]) {
        const wanted = concerning.filter((event) => isWanted(event, filter));
        if (wanted.length === 0) continue;
        for (const listener of [...listeners]) listener(wanted);
      }
    }
  }

  clear(): void {
    this.#subjects.clear();
  }

  /** The events, in order, of each subject that somebody asks for. */
  #bySubject(events: readonly LockEvent[]): Map<string, readonly LockEvent[]> {
    const sorted = new Map<string, LockEvent[]>();
    for (const event of this.#isOnlyAnything ? [] : events) {
      for (const subject of [resourceSubject(event.resource), clientSubject(event.client)]) {
        if (!this.#subjects.has(subject)) continue;
        const concerning = sorted.get(subject);
        if (concerning) concerning.push(event);
        else sorted.set(subject, [event]);
      }
    }
    return new Map<string, readonly LockEvent[]>(sorted).set(ANYTHING, events);
  }

  get #isOnlyAnything(): boolean {
    return this.#subjects.size === 1 && this.#subjects.has(ANYTHING);
  }
}

/** What an event must be about to be asked for, as far as one name tells. */
function subjectOf({ resource, client }: EventFilter): string {
  if (resource !== undefined) return resourceSubject(resource);
  return client === undefined ? ANYTHING : clientSubject(client);
}

function resourceSubject(resource: string): string {
  return `resource ${resource}`;
}

function clientSubject(client: string): string {
  return `client ${client}`;
}
