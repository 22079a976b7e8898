/** The list of what is locked: a page of it, alive. */
import { MOST_STATUSES } from './daemon.js';
import { lockDialog } from './dialogs.js';
import { button, count, element } from './dom.js';
import type { FeedEvent } from './event-feed.js';
import { NotSignedIn } from './failures.js';
import { ListFilters } from './list-filters.js';
import { covers, ListModel, PAGE_SIZE, type Window } from './list-model.js';
import { COLUMNS, ListRow } from './list-row.js';
import { Refresher } from './refresher.js';
import { hashOf, type ListFilter, type Route } from './route.js';
import { placeChildren } from './steady.js';
import { TotalsStrip } from './totals-strip.js';
import { TroublePlace } from './trouble.js';
import { isUnsettled } from './unsettled.js';
import type { PageContext, View } from './view.js';

/** Milliseconds between two windows on the same page: each opens the stream anew. */
const FOLLOW_PAUSE_MS = 5_000;

/** The page before each page, for as long as the tab remembers. */
const pagesBefore = new Map<string, string>();

export class ListView implements View {
  readonly title = 'Locks';
  readonly element: HTMLElement;
  readonly #filters: ListFilters;
  readonly #trouble = new TroublePlace();
  readonly #totals: TotalsStrip;
  readonly #body = element('div', { class: 'list' });
  readonly #table = element('table', { role: 'table', 'aria-label': 'Locked resources' });
  readonly #head = tableHead();
  readonly #pages = element('nav', { class: 'pages', 'aria-label': 'Pages' });
  readonly #refresher = new Refresher((changed) => this.#read(changed), MOST_STATUSES);
  readonly #rows = new Map<string, ListRow>();
  #model: ListModel;
  #isRead = false;
  #followed: Window | undefined;
  #followedModel: ListModel | undefined;
  #followedAt = 0;
  #followLater: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly context: PageContext,
    { filter, after }: Extract<Route, { view: 'list' }>,
  ) {
    this.#model = new ListModel(filter, after);
    this.#filters = new ListFilters((typed) => this.#typed(typed));
    this.#filters.show(filter);
    this.#totals = new TotalsStrip(context.daemon);
    this.#body.append(element('p', { class: 'quiet', role: 'status' }, 'Reading the locks…'));
    const { rights } = context;
    this.element = element(
      'section',
      {},
      element(
        'div',
        { class: 'heading' },
        element('h1', {}, 'Locks'),
        this.#totals.element,
        rights.changes && button('Lock…', () => lockDialog(context, ''), 'primary'),
      ),
      this.#filters.element,
      this.#trouble.element,
      this.#body,
      this.#pages,
    );
  }

  show(route: Route): boolean {
    if (route.view !== 'list') return false;
    this.#filters.show(route.filter);
    this.#turnTo(route.filter, route.after);
    return true;
  }

  refresh(): void {
    this.#refresher.all();
  }

  onResumed(): void {
    this.refresh();
  }

  onEvent({ resource, client }: FeedEvent): void {
    if (this.#model.concerns(resource, client)) this.#refresher.changed(resource);
    this.#totals.changed();
  }

  onTick(): void {
    const now = performance.now();
    for (const { status, received } of this.#model.rows) {
      if (isUnsettled(status, received, now)) this.#refresher.changed(status.resource);
    }
  }

  close(): void {
    clearTimeout(this.#followLater);
    this.#refresher.close();
    this.#totals.close();
  }

  #typed(filter: ListFilter): void {
    history.replaceState(null, '', hashOf({ view: 'list', filter }));
    this.#turnTo(filter, undefined);
  }

  #turnTo(filter: ListFilter, after: string | undefined): void {
    this.#model = new ListModel(filter, after);
    this.#isRead = false;
    this.#refresher.all();
  }

  async #read(changed: readonly string[] | 'all'): Promise<void> {
    const model = this.#model;
    const { daemon } = this.context;
    try {
      if (changed === 'all' || !this.#isRead) {
        const statuses = await daemon.list(model.query);
        if (model !== this.#model) return;
        model.replace(statuses, performance.now());
        this.#isRead = true;
        this.#totals.changed();
      } else {
        const statuses = await daemon.statuses(changed);
        if (model !== this.#model) return;
        const received = performance.now();
        const lost = statuses.map((status) => model.put(status, received));
        if (lost.includes(true)) this.#refresher.all();
      }
      this.#trouble.clear();
      this.#render();
      this.#follow();
    } catch (error) {
      // What has changed is known no more.
      this.#isRead = false;
      if (error instanceof NotSignedIn) this.context.signedOut(error.message);
      else this.#trouble.show(error, () => this.refresh());
    }
  }

  /** Follows the page as it is now; a page whose end moves all the time, not more often than every few seconds. */
  #follow(): void {
    const wanted = this.#model.window;
    if (this.#followed && covers(this.#followed, wanted)) return;
    const isSamePage = this.#followedModel === this.#model;
    const wait = isSamePage ? this.#followedAt + FOLLOW_PAUSE_MS - performance.now() : 0;
    clearTimeout(this.#followLater);
    if (wait > 0) {
      this.#followLater = setTimeout(() => this.#follow(), wait);
      return;
    }
    this.#followed = wanted;
    this.#followedModel = this.#model;
    this.#followedAt = performance.now();
    this.context.follow({ ...wanted, include: 'renewed,queued' });
  }

  #render(): void {
    const rows = this.#model.rows;
    if (rows.length === 0) this.#body.replaceChildren(this.#nothing());
    else if (!this.#table.isConnected) this.#body.replaceChildren(this.#table);
    const shown = new Set(rows.map(({ status }) => status.resource));
    for (const [resource, row] of this.#rows) {
      if (shown.has(resource)) continue;
      if (row.element.contains(document.activeElement)) document.getElementById('main')?.focus();
      this.#rows.delete(resource);
    }
    const bodies = rows.map((row) => {
      const { resource } = row.status;
      const known = this.#rows.get(resource);
      const made = known ?? new ListRow(row);
      if (known) known.update(row);
      else this.#rows.set(resource, made);
      return made.element;
    });
    placeChildren(this.#table, [this.#head, ...bodies]);
    this.#renderPages();
  }

  #nothing(): HTMLElement {
    const { filter, after } = this.#model;
    const isFiltered = Object.keys(filter).length > 0;
    const [what, how] = isFiltered
      ? ['Nothing is locked that matches', 'Resources are found by how their names begin.']
      : after !== undefined
        ? ['Nothing is locked behind this page', 'What was here is free by now.']
        : ['Nothing is locked', 'Locks appear here the moment somebody takes one.'];
    return element(
      'div',
      { class: 'nothing' },
      element('p', {}, what),
      element('p', { class: 'quiet' }, how),
    );
  }

  #renderPages(): void {
    const { filter, after, last, hasMore, rows } = this.#model;
    const here = hashOf({ view: 'list', filter, ...(after !== undefined && { after }) });
    const links: [label: string, href: string, onClick?: () => void][] = [];
    if (after !== undefined) {
      links.push(['First page', hashOf({ view: 'list', filter })]);
      const before = pagesBefore.get(here);
      if (before !== undefined) links.push(['Previous page', before]);
    }
    if (hasMore && last !== undefined) {
      const next = hashOf({ view: 'list', filter, after: last });
      links.push(['Next page', next, () => pagesBefore.set(next, here)]);
    }
    const many = rows.length === 1 ? '1 resource' : `${count(rows.length)} resources`;
    const text = hasMore || after !== undefined ? `${many} on this page, ${PAGE_SIZE} at most` : many;
    const focused = this.#pages.contains(document.activeElement)
      ? document.activeElement?.textContent
      : undefined;
    this.#pages.replaceChildren(
      element('span', { class: 'quiet' }, rows.length === 0 ? '' : text),
      ...links.map(([label, href, onClick]) => {
        const link = element('a', { href }, label);
        if (onClick) link.addEventListener('click', onClick);
        return link;
      }),
    );
    if (focused) [...this.#pages.querySelectorAll('a')].find((link) => link.textContent === focused)?.focus();
  }
}

function tableHead(): HTMLElement {
  const cells = COLUMNS.map((name) => element('th', { scope: 'col', role: 'columnheader' }, name));
  return element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...cells));
}
