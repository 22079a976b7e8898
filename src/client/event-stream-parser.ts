/** Reads the text of a `text/event-stream`, however it is cut into pieces (HTML, section 9.2). Pure. */
import { UnexpectedAnswer } from './members.js';

/** Characters of one event: a hundred times the longest of a lockd. What never ends must fill no memory. */
const MAX_EVENT_LENGTH = 1 << 20;

/** One event of the stream. */
export interface StreamedEvent {
  /** The newest id up to here; empty where none came yet. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export class EventStreamParser {
  #rest = '';
  #isFirst = true;
  #id = '';
  #lastId = '';
  #event = '';
  #data: string[] = [];
  #dataLength = 0;

  /** The newest id that is complete, of an event or alone; empty where none came yet. */
  get lastId(): string {
    return this.#lastId;
  }

  /** Takes the next piece, and answers the events that are complete with it. Throws `UnexpectedAnswer` for one without an end. */
  push(piece: string): StreamedEvent[] {
    const text = this.#rest + (this.#isFirst ? piece.replace(/^\ufeff/, '') : piece);
    if (piece !== '') this.#isFirst = false;
    const found: StreamedEvent[] = [];
    // A \r that ends the piece may be half of a \r\n.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line, found);
    if (this.#rest.length + this.#dataLength > MAX_EVENT_LENGTH) {
      throw new UnexpectedAnswer(`has an event of more than ${MAX_EVENT_LENGTH} characters`);
    }
    return found;
  }

  #line(line: string, found: StreamedEvent[]): void {
    if (line === '') {
      this.#dispatch(found);
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#event = value;
    else if (name === 'data') this.#addData(value);
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
  }

  #addData(value: string): void {
    this.#data.push(value);
    this.#dataLength += value.length + 1;
  }

  #dispatch(found: StreamedEvent[]): void {
    this.#lastId = this.#id;
    if (this.#data.length > 0) {
      found.push({ id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') });
    }
    this.#event = '';
    this.#data = [];
    this.#dataLength = 0;
  }
}
