/** One resource: who holds it, who waits, how its fencing stands, and what happened. */
import type { Hold, Place } from '../core/answers.js';
import type { FileStatus } from '../service/api.js';
import { facts } from './dialog.js';
import { forceDialog, lockDialog } from './dialogs.js';
import { button, count, element, foreign, moment } from './dom.js';
import type { FeedEvent } from './event-feed.js';
import { NotSignedIn } from './failures.js';
import { HISTORY_PAGE, HistoryTable } from './history-table.js';
import { HolderCard } from './holder-card.js';
import { spanText } from './lease.js';
import type { Row } from './list-model.js';
import { Refresher } from './refresher.js';
import { hashOf, type Route } from './route.js';
import { stateBadge } from './state-badge.js';
import { placeChildren, Steady } from './steady.js';
import { TroublePlace } from './trouble.js';
import { isUnsettled } from './unsettled.js';
import type { PageContext, View } from './view.js';

export class ResourceView implements View {
  readonly element: HTMLElement;
  readonly title: string;
  readonly #trouble = new TroublePlace();
  readonly #badge = element('span', {});
  readonly #present = element(
    'div',
    { class: 'present' },
    element('p', { class: 'quiet' }, 'Reading its status…'),
  );
  readonly #holders = element('section', { class: 'holders' });
  readonly #title = element('h2', { class: 'holders-title' });
  readonly #cards = new Map<string, HolderCard>();
  readonly #more = new Steady();
  readonly #nobody = new Steady();
  readonly #lock: HTMLElement;
  readonly #line = new Steady();
  readonly #about = new Steady();
  readonly #history: HistoryTable;
  readonly #refresher = new Refresher((changed) => this.#read(changed), Number.POSITIVE_INFINITY);

  /** Everything that is shown was read. */
  #isRead = false;
  #shown: Row | undefined;

  constructor(
    private readonly context: PageContext,
    private readonly resource: string,
  ) {
    this.title = resource;
    this.#lock = element(
      'p',
      { class: 'actions' },
      button('Lock…', () => lockDialog(context, resource), 'primary'),
    );
    this.#history = new HistoryTable(
      (before) => context.daemon.history({ resource, count: HISTORY_PAGE, before }),
      (error) => this.#failed(error),
    );
    this.element = element(
      'section',
      { class: 'one' },
      element(
        'nav',
        { 'aria-label': 'Back' },
        element('a', { href: hashOf({ view: 'list', filter: {} }) }, '← All locks'),
      ),
      element('div', { class: 'heading' }, element('h1', {}, foreign(resource)), this.#badge),
      this.#trouble.element,
      this.#present,
      this.#history.element,
    );
  }

  show(route: Route): boolean {
    return route.view === 'resource' && route.resource === this.resource;
  }

  refresh(): void {
    this.#refresher.all();
  }

  onResumed(): void {
    // What happened meanwhile the stream tells.
    this.#refresher.changed(this.resource);
  }

  onEvent(event: FeedEvent): void {
    if (event.resource !== this.resource) return;
    this.#history.add(event);
    this.#refresher.changed(event.resource);
  }

  onTick(): void {
    const shown = this.#shown;
    if (shown && isUnsettled(shown.status, shown.received, performance.now()))
      this.#refresher.changed(this.resource);
  }

  close(): void {
    this.#refresher.close();
  }

  async #read(changed: readonly string[] | 'all'): Promise<void> {
    const { daemon, follow } = this.context;
    try {
      const status = await daemon.status(this.resource);
      this.#render(status, performance.now());
      if (changed === 'all' || !this.#isRead) await this.#history.refresh();
      this.#isRead = true;
      this.#trouble.clear();
      follow({ resource: this.resource, include: 'renewed,queued' });
    } catch (error) {
      this.#isRead = false;
      this.#failed(error, () => this.refresh());
    }
  }

  #failed(error: unknown, again?: () => void): void {
    if (error instanceof NotSignedIn) this.context.signedOut(error.message);
    else this.#trouble.show(error, again);
  }

  #render(status: FileStatus, received: number): void {
    this.#shown = { status, received };
    this.#badge.replaceChildren(stateBadge(status.state));
    const focused = this.#present.contains(document.activeElement) ? document.activeElement : undefined;
    placeChildren(this.#present, [
      this.#showHolders(status, received),
      ...(status.waiting > 0 ? [this.#line.show([status.waiting, status.queue], () => lineOf(status))] : []),
      this.#about.show(aboutFacts(status), () => aboutOf(status)),
    ]);
    if (focused && !focused.isConnected) this.#successorOf(focused).focus();
  }

  /** The button that does the same to the same hold; where that can be done no more, a place to go on from. */
  #successorOf(gone: Element): HTMLElement {
    const token = gone.closest<HTMLElement>('article')?.dataset.token;
    const same = [...this.#present.querySelectorAll('button')].find(
      (one) => one.textContent === gone.textContent && one.closest('article')?.dataset.token === token,
    );
    return same ?? document.getElementById('main') ?? document.body;
  }

  #showHolders(status: FileStatus, received: number): HTMLElement {
    const { holders, held, limit, state, fenceCommand } = status;
    const { rights } = this.context;
    const cards = holders.map((hold) => this.#cardOf(hold).show(status, hold, received));
    for (const token of this.#cards.keys())
      if (!holders.some((hold) => hold.token === token)) this.#cards.delete(token);
    this.#title.textContent =
      limit > 1 || held > 1 ? `Holders (${count(held)} of ${count(limit)})` : 'Holder';
    const more = held - holders.length;
    const moreText = `And ${count(more)} more; the first ${count(holders.length)} are named.`;
    const nobody = [state, fenceCommand, status.file, status.queue[0]?.client];
    const mayLock = held < limit && state !== 'unreadable' && rights.mayLock(this.resource);
    placeChildren(this.#holders, [
      this.#title,
      ...cards,
      ...(more > 0 ? [this.#more.show(more, () => element('p', { class: 'quiet' }, moreText))] : []),
      ...(cards.length === 0 ? [this.#nobody.show(nobody, () => this.#nobodyText(status))] : []),
      ...(mayLock ? [this.#lock] : []),
    ]);
    return this.#holders;
  }

  #cardOf({ token }: Hold): HolderCard {
    const known = this.#cards.get(token);
    if (known) return known;
    const made = new HolderCard(this.context, (error) => this.#failed(error));
    this.#cards.set(token, made);
    return made;
  }

  #nobodyText(status: FileStatus): HTMLElement {
    const { state, queue, file } = status;
    const [first] = queue;
    if (state === 'unreadable') {
      const { rights } = this.context;
      return element(
        'div',
        { class: 'card' },
        element('p', {}, 'Its lock file cannot be read, so it stays locked: ', foreign(file)),
        rights.mayForce(this.resource) &&
          element(
            'div',
            { class: 'actions' },
            button('Force unlock…', () => forceDialog(this.context, status, undefined), 'grave'),
          ),
      );
    }
    if (state === 'reserved' && first) {
      return element(
        'p',
        {},
        'Kept for ',
        foreign(first.client),
        ', the first in the line, whose client is away for the moment.',
      );
    }
    return element('p', {}, 'Nobody holds it.');
  }
}

function lineOf({ queue, waiting }: FileStatus): HTMLElement {
  const more = waiting - queue.length;
  return element(
    'section',
    {},
    element('h2', {}, `Line (${count(waiting)})`),
    element('ol', { class: 'line' }, ...queue.map(placeOf)),
    more > 0 && element('p', { class: 'quiet' }, `And ${count(more)} more.`),
  );
}

function placeOf({ client, since, note }: Place): HTMLElement {
  return element(
    'li',
    {},
    foreign(client),
    element('span', { class: 'quiet' }, ' since ', moment(since)),
    note !== undefined && element('span', { class: 'note' }, ' ', foreign(note)),
  );
}

function aboutFacts({ limit, file, fenceCommand, lockDelay }: FileStatus): object {
  return { limit, file, fenceCommand, lockDelay };
}

function aboutOf({ limit, file, fenceCommand, lockDelay }: FileStatus): HTMLElement {
  return element(
    'section',
    { class: 'about' },
    element('h2', {}, 'About'),
    facts(
      ['Holders at once', count(limit)],
      ['Lock file', element('code', {}, foreign(file))],
      [
        'After a loss',
        fenceCommand !== undefined
          ? element('code', {}, foreign(fenceCommand))
          : lockDelay !== undefined
            ? `rests for ${spanText(lockDelay)}`
            : 'free at once; no fence command applies',
      ],
    ),
  );
}
