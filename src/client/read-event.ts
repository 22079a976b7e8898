/** From a message of the stream of events to what it tells; nothing is believed before it was checked. */
import type { EventKind, EventNotice, LockEvent } from '../service/api.js';
import type { StreamedEvent } from './event-stream-parser.js';
import { present, UnexpectedAnswer } from './members.js';

/**
 * What a message tells; undefined for `bye`. Throws `UnexpectedAnswer` for what no lockd sends; what only a newer one sends is
 * told as it is.
 */
export function readEvent({ event, data }: StreamedEvent): EventNotice | LockEvent | undefined {
  if (event === 'bye') return undefined;
  const members = membersOf(data);
  if (event === 'ready') return { event, id: members.text('id') };
  if (event === 'gap') return { event, after: members.text('after'), problem: members.text('problem') };
  return {
    ...present({ id: members.optionalText('id') }),
    time: members.date('time'),
    event: event as EventKind,
    resource: members.text('resource'),
    client: members.text('client'),
    ...present({
      token: members.optionalText('token'),
      by: members.optionalText('by'),
      reason: members.optionalText('reason'),
    }),
  };
}

function membersOf(data: string): JsonMembers {
  try {
    return new JsonMembers(JSON.parse(data));
  } catch (error) {
    if (error instanceof UnexpectedAnswer) throw error;
    throw new UnexpectedAnswer('has data that are not JSON');
  }
}

/** Members of a JSON object, each checked for its type. */
class JsonMembers {
  readonly #members: ReadonlyMap<string, unknown>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null)
      throw new UnexpectedAnswer('has data that are no object');
    this.#members = new Map(Object.entries(value));
  }

  text(name: string): string {
    const text = this.optionalText(name);
    if (text === undefined) throw new UnexpectedAnswer(`has no text as ${name}`);
    return text;
  }

  optionalText(name: string): string | undefined {
    const value = this.#members.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  date(name: string): Date {
    const date = new Date(this.text(name));
    if (Number.isNaN(date.getTime())) throw new UnexpectedAnswer(`has no time as ${name}`);
    return date;
  }
}
