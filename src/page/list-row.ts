/** One resource in the list: a line for each of its first holders. */
import type { Hold } from '../core/answers.js';
import type { FileStatus } from '../service/api.js';
import { count, element, foreign, moment } from './dom.js';
import { lastingFacts } from './lasting-facts.js';
import { leaseBar } from './lease-bar.js';
import type { Row } from './list-model.js';
import { hashOf } from './route.js';
import { stateBadge } from './state-badge.js';

/** Holders that the list has room for; the page of the resource has the rest. */
const NAMED_HOLDERS = 3;

export const COLUMNS = ['Resource', 'State', 'Holder', 'Since', 'Lease', 'Token', 'Note', 'Waiting'] as const;

/** The lines of one resource, renewed in place. */
export class ListRow {
  readonly element = element('tbody', { role: 'rowgroup' });
  #shown = '';
  #leases: readonly HTMLElement[] = [];

  constructor(row: Row) {
    this.update(row);
  }

  /** Shows the newest status. Where only leases differ, nothing else is touched, so that what is selected stays so. */
  update({ status, received }: Row): void {
    const facts = JSON.stringify({ ...status, holders: status.holders.map(lastingFacts) });
    const isNew = this.#shown === '';
    if (facts === this.#shown) {
      this.#leases.forEach((cell, index) => {
        cell.replaceChildren(leaseOf(status.holders[index], received));
      });
      return;
    }
    const hadFocus = this.element.contains(document.activeElement);
    this.#shown = facts;
    this.#fill(status, received);
    if (hadFocus) this.element.querySelector('a')?.focus();
    if (!isNew) this.#flash();
  }

  #fill(status: FileStatus, received: number): void {
    const { holders, held } = status;
    const named = holders.slice(0, NAMED_HOLDERS);
    const lines = named.map((hold) => holderCells(hold, received));
    if (named.length === 0) lines.push(nobodyCells(status));
    const more = held - named.length;
    if (more > 0) lines.push(moreCells(more));
    this.#leases = lines.slice(0, named.length).map((cells) => cells[2] as HTMLElement);
    this.element.replaceChildren(
      ...lines.map((cells, index) => {
        const [before, after] = index === 0 ? sharedCells(status, lines.length) : [[], []];
        return element('tr', { role: 'row' }, ...before, ...cells, ...after);
      }),
    );
  }

  #flash(): void {
    this.element.classList.remove('changed');
    requestAnimationFrame(() => this.element.classList.add('changed'));
  }
}

/** The cells that are the same for all holders: those before theirs, and those behind. */
function sharedCells(
  { resource, state, waiting }: FileStatus,
  lines: number,
): [HTMLElement[], HTMLElement[]] {
  const rowspan = lines > 1 ? String(lines) : undefined;
  const link = element('a', { href: hashOf({ view: 'resource', resource }) }, foreign(resource));
  return [
    [
      element('th', { scope: 'row', role: 'rowheader', rowspan, class: 'resource' }, link),
      element('td', { role: 'cell', rowspan, 'data-label': 'State', class: 'state-cell' }, stateBadge(state)),
    ],
    [
      element(
        'td',
        { role: 'cell', rowspan, 'data-label': 'Waiting', class: 'number' },
        waiting > 0 ? count(waiting) : '',
      ),
    ],
  ];
}

function holderCells(hold: Hold, received: number): HTMLElement[] {
  const { client, from, acquired, token, note = '' } = hold;
  return [
    cell('Holder', 'holder', foreign(client), element('span', { class: 'from' }, ' from ', foreign(from))),
    cell('Since', 'when', moment(acquired)),
    cell('Lease', 'lease-cell', leaseOf(hold, received)),
    cell('Token', 'token', token),
    cell('Note', 'note', note && foreign(note)),
  ];
}

function leaseOf(hold: Hold | undefined, received: number): Node {
  if (hold?.state !== 'held') return element('span', { class: 'quiet' }, hold ? 'lost' : '');
  const { ttl, left } = hold;
  if (ttl === undefined || left === undefined) return element('span', { class: 'quiet' }, 'until unlocked');
  return leaseBar({ ttl, left, received });
}

/** Nobody can be named: the lock file cannot be read, or the lock is kept for the first in the line. */
function nobodyCells({ state, queue, file }: FileStatus): HTMLElement[] {
  const [first] = queue;
  const isUnreadable = state === 'unreadable';
  const holder = isUnreadable ? '?' : first ? element('span', {}, 'kept for ', foreign(first.client)) : '';
  const note = isUnreadable ? `Look at ${file}` : (first?.note ?? '');
  return [
    cell('Holder', 'holder', holder),
    cell('Since', 'when'),
    cell('Lease', 'lease-cell'),
    cell('Token', 'token'),
    cell('Note', 'note', note && foreign(note)),
  ];
}

function moreCells(more: number): HTMLElement[] {
  const text = `and ${count(more)} more`;
  return [
    cell('Holder', 'holder quiet', text),
    ...['Since', 'Lease', 'Token', 'Note'].map((name) => cell(name, '')),
  ];
}

function cell(label: string, className: string, ...children: readonly (Node | string)[]): HTMLElement {
  const isEmpty = children.every((child) => child === '');
  return element(
    'td',
    { role: 'cell', 'data-label': label, class: `${className}${isEmpty ? ' empty' : ''}` },
    ...children,
  );
}
