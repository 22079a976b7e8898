/** What happened to one resource, newest first; older events on demand, new ones as they come. */
import { button, element, foreign, moment } from './dom.js';
import type { FeedEvent } from './event-feed.js';
import { isLater } from './event-order.js';

/** Events that are read at a time. */
export const HISTORY_PAGE = 50;

/** Events that stay when new ones come: a page that is open for days does not grow for ever. */
const MOST_SHOWN = 1_000;

/** An event of the history, whether it was read or came by the stream. */
export interface ShownEvent {
  readonly id: string;
  readonly time: Date;
  readonly event: string;
  readonly client: string;
  readonly token?: string;
  readonly by?: string;
  readonly reason?: string;
}

const WORDS: Readonly<Record<string, string>> = {
  handedOver: 'handed over',
  fenceFailed: 'fence failed',
  left: 'left the line',
};

export class HistoryTable {
  readonly element = element('section', { class: 'history' });
  readonly #body = element('tbody', { role: 'rowgroup' });
  readonly #table = element('table', { role: 'table', 'aria-label': 'History' });
  readonly #none = element('p', { class: 'quiet' }, 'Nothing that happened to it is known.');
  readonly #more: HTMLButtonElement;
  readonly #ids = new Set<string>();

  /**
   * @param readBefore answers the page of events before an id, newest first; undefined: the newest page.
   * @param onTrouble is told why older events could not be read.
   */
  constructor(
    private readonly readBefore: (before: string | undefined) => Promise<readonly ShownEvent[]>,
    onTrouble: (error: unknown) => void,
  ) {
    const cells = ['Time', 'Event', 'Client', 'Token', 'By', 'Reason'].map((name) =>
      element('th', { scope: 'col', role: 'columnheader' }, name),
    );
    this.#table.append(
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...cells)),
      this.#body,
    );
    this.#more = button('Show older', () => void this.#readOlder().catch(onTrouble));
    this.#more.hidden = true;
    this.element.append(element('h2', {}, 'History'), this.#none, this.#table, this.#more);
    this.#table.hidden = true;
  }

  /** Takes the newest page again; what is shown stays, unless something between could be missing. */
  async refresh(): Promise<void> {
    const events = await this.readBefore(undefined);
    const last = events.at(-1);
    if (last && !this.#ids.has(last.id)) {
      this.#dropWhile((id) => isLater(last.id, id));
      this.#more.hidden = events.length < HISTORY_PAGE;
    }
    for (const event of events) this.#put(event);
  }

  /** An event that the stream told. Those without an id are in no history. */
  add({ id, time, ...rest }: FeedEvent): void {
    if (id === undefined) return;
    this.#put({ ...rest, id, time: new Date(time) });
    if (this.#ids.size <= MOST_SHOWN) return;
    this.#dropWhile(() => this.#ids.size > MOST_SHOWN);
    this.#more.hidden = false;
  }

  async #readOlder(): Promise<void> {
    const { lastElementChild } = this.#body;
    this.#more.disabled = true;
    try {
      const events = await this.readBefore(lastElementChild ? idOf(lastElementChild) : undefined);
      for (const event of events) this.#put(event);
      this.#more.hidden = events.length < HISTORY_PAGE;
    } finally {
      this.#more.disabled = false;
    }
  }

  #put(event: ShownEvent): void {
    if (this.#ids.has(event.id)) return;
    this.#ids.add(event.id);
    this.#body.insertBefore(rowOf(event), this.#firstNotAfter(event.id));
    this.#none.hidden = true;
    this.#table.hidden = false;
  }

  /** Takes away the oldest ones of which `isMeant` holds. */
  #dropWhile(isMeant: (id: string) => boolean): void {
    for (;;) {
      const last = this.#body.lastElementChild;
      if (!last || !isMeant(idOf(last))) return;
      this.#ids.delete(idOf(last));
      last.remove();
    }
  }

  /** The row before which an event belongs; null: at the end. New ones are sought from the top, older ones from the bottom. */
  #firstNotAfter(id: string): Element | null {
    const { firstElementChild, lastElementChild } = this.#body;
    if (lastElementChild && isLater(idOf(lastElementChild), id)) return null;
    let row = firstElementChild;
    while (row && isLater(idOf(row), id)) row = row.nextElementSibling;
    return row;
  }
}

function idOf(row: Element): string {
  return row.getAttribute('data-id') ?? '';
}

function rowOf({ id, time, event, client, token = '', by = '', reason = '' }: ShownEvent): HTMLElement {
  return element(
    'tr',
    { role: 'row', 'data-id': id },
    cell('Time', 'when', moment(time)),
    cell(
      'Event',
      'event',
      element('span', { class: 'event-name', 'data-event': event }, WORDS[event] ?? event),
    ),
    cell('Client', 'holder', foreign(client)),
    cell('Token', 'token', token),
    cell('By', 'by', by && foreign(by)),
    cell('Reason', 'note', reason && foreign(reason)),
  );
}

function cell(label: string, className: string, child: Node | string): HTMLElement {
  return element(
    'td',
    { role: 'cell', 'data-label': label, class: `${className}${child === '' ? ' empty' : ''}` },
    child,
  );
}
