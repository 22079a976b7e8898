/** Says whether the page is alive, and since when it is not: what it shows then may be old. */
import { button, element, moment } from './dom.js';
import type { FeedCut, FeedState } from './event-feed.js';

/** Milliseconds for which connecting is nothing to speak of. */
const PATIENCE_MS = 1_000;

export class LiveStatus {
  /** For the head of the page. */
  readonly light = element('span', { class: 'light', role: 'status' });
  /** Across the page, while it is not alive. */
  readonly banner = element('div', { class: 'banner', role: 'alert', hidden: true });
  readonly #countdown = element('span', {});
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly retryNow: () => void) {}

  show(state: FeedState): void {
    clearInterval(this.#timer);
    document.documentElement.dataset.live = state.kind;
    if (state.kind === 'cut') this.#showCut(state);
    else {
      this.banner.hidden = true;
      if (state.kind === 'live') this.#say('Live');
      else this.#timer = setTimeout(() => this.#say('Connecting…'), PATIENCE_MS);
    }
  }

  #showCut({ since, problem, leader, retryAt }: FeedCut): void {
    this.#say('Not live');
    const count = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - performance.now()) / 1_000));
      this.#countdown.textContent = seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again…';
    };
    count();
    this.#timer = setInterval(count, 1_000);
    // Told once, not with every try.
    if (!this.banner.hidden && this.banner.dataset.problem === problem) return;
    this.banner.dataset.problem = problem;
    this.banner.replaceChildren(
      element(
        'p',
        {},
        element('strong', {}, 'Not live since ', moment(since), '.'),
        ` ${problem}. What you see may be old. `,
        leader && leaderLink(leader),
      ),
      element('p', { 'aria-live': 'off' }, this.#countdown, ' ', button('Try now', this.retryNow)),
    );
    this.banner.hidden = false;
  }

  #say(text: string): void {
    if (this.light.textContent !== text) this.light.textContent = text;
  }
}

/** Leads to what is shown here, as the leader shows it. Who follows it signs in there anew: it is another address. */
function leaderLink(leader: URL): HTMLElement {
  const link = element('a', { href: leader.href }, `Open it at the leader, ${leader.host}`);
  // The address of this page changes while the banner stands.
  link.addEventListener('click', () => {
    link.href = `${leader.href.replace(/\/$/, '')}/${location.hash}`;
  });
  return link;
}
