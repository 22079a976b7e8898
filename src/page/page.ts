/** The web page: signs in, shows what its address says, keeps it alive. */
import { announce } from './announcer.js';
import { Daemon } from './daemon.js';
import { closeDialogs } from './dialog.js';
import { button, element, foreign } from './dom.js';
import { EventFeed } from './event-feed.js';
import { NotSignedIn } from './failures.js';
import { ListView } from './list-view.js';
import { LiveStatus } from './live-status.js';
import { ResourceView } from './resource-view.js';
import type { Rights } from './rights.js';
import { hashOf, type Route, readRoute } from './route.js';
import { Session } from './session.js';
import { signInForm } from './sign-in.js';
import { TroublePlace } from './trouble.js';
import type { PageContext, View } from './view.js';

/** Milliseconds between two looks at what changes without an event; at every fifteenth look everything is read again. */
const TICK_MS = 2_000;
const TICKS_PER_REFRESH = 15;

/** Milliseconds between two looks by which the machine has slept: nothing that was shown before counts, nor any connection. */
const SLEPT_MS = 10_000;

class Page {
  readonly #session = new Session();
  readonly #daemon = new Daemon(this.#session);
  readonly #main = byId('main');
  readonly #who = byId('who');
  readonly #live = new LiveStatus(() => this.#feed.retryNow());
  readonly #feed = new EventFeed(this.#session, {
    onState: (state) => this.#live.show(state),
    onReady: (isResumed) => (isResumed ? this.#view?.onResumed() : this.#view?.refresh()),
    onEvent: (event) => this.#view?.onEvent(event),
    onSignedOut: (message) => this.#askWho(message),
    onOtherDaemon: () => this.#showAnew(),
  });
  #context: PageContext | undefined;
  #view: View | undefined;
  #ticks = 0;
  #lastTick = Date.now();

  start(): void {
    byId('live').append(this.#live.light);
    byId('banner').append(this.#live.banner);
    byId('skip').addEventListener('click', (event) => {
      event.preventDefault();
      this.#main.focus();
    });
    addEventListener('hashchange', () => this.#route());
    addEventListener('visibilitychange', () => this.#look());
    this.#look();
    setInterval(() => this.#tick(), TICK_MS);
    const needsSignIn = document.documentElement.dataset.signIn === 'required';
    if (needsSignIn && !this.#session.isSignedIn) this.#askWho(undefined);
    else void this.#open();
  }

  /** Learns who the user is, and shows what the address says. */
  async #open(): Promise<void> {
    try {
      this.#signedIn(await this.#daemon.whoAmI());
    } catch (error) {
      if (error instanceof NotSignedIn) return this.#askWho(error.message);
      const trouble = new TroublePlace();
      this.#main.replaceChildren(trouble.element);
      trouble.show(error, () => void this.#open());
    }
  }

  #signedIn(rights: Rights): void {
    const { user, role } = rights;
    const signOut = () => {
      this.#session.signOut();
      this.#askWho(undefined);
    };
    this.#who.replaceChildren(
      ...(user === undefined
        ? []
        : [element('span', {}, foreign(user), ` (${role})`), button('Sign out', signOut, 'plain')]),
    );
    this.#context = {
      daemon: this.#daemon,
      rights,
      go: (route) => {
        location.hash = hashOf(route);
      },
      follow: (filter) => this.#feed.follow(filter),
      signedOut: (message) => this.#askWho(message),
    };
    this.#route();
  }

  #askWho(message: string | undefined): void {
    this.#leave();
    this.#feed.close();
    this.#session.signOut();
    this.#context = undefined;
    this.#who.replaceChildren();
    document.title = 'Sign in · lockd';
    const form = signInForm(message, async (user, secret) => {
      this.#session.signIn(user, secret);
      try {
        const rights = await this.#daemon.whoAmI();
        this.#signedIn(rights);
        announce(`Signed in as ${rights.user} (${rights.role})`);
      } catch (error) {
        this.#session.signOut();
        throw error;
      }
    });
    this.#main.replaceChildren(form);
    form.querySelector('input')?.focus();
  }

  #route(): void {
    const context = this.#context;
    if (!context) return;
    const route = readRoute(location.hash);
    if (this.#view?.show(route)) return;
    const isFirst = this.#view === undefined;
    this.#leave();
    // What a view that was left still has under way does nothing any more.
    const isShown = () => this.#view === view;
    const view: View = viewOf(route, {
      ...context,
      follow: (filter) => isShown() && context.follow(filter),
      signedOut: (message) => isShown() && context.signedOut(message),
    });
    this.#view = view;
    document.title = `${view.title} · lockd`;
    this.#main.replaceChildren(view.element);
    // Whoever follows a link with the keyboard is at the start of what it leads to.
    if (!isFirst) this.#main.focus({ preventScroll: true });
    if (!isFirst) scrollTo(0, 0);
    view.refresh();
  }

  /** What nobody looks at is read when somebody does. */
  #look(): void {
    if (document.hidden) this.#feed.pause();
    else {
      this.#feed.resume();
      this.#refresh();
    }
  }

  #tick(): void {
    const now = Date.now();
    const hasSlept = now - this.#lastTick > SLEPT_MS;
    this.#lastTick = now;
    if (document.hidden) return;
    if (hasSlept) {
      this.#feed.reconnect();
      this.#refresh();
    }
    if (document.documentElement.dataset.live !== 'live') return;
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_REFRESH === 0) this.#refresh();
    else this.#view?.onTick();
  }

  #refresh(): void {
    this.#view?.refresh();
    if (this.#context) void this.#checkRights();
  }

  /** Whoever runs the daemon may have given the user another role while the page is open. */
  async #checkRights(): Promise<void> {
    const context = this.#context;
    try {
      const rights = await this.#daemon.whoAmI();
      if (!context || context !== this.#context || rights.equals(context.rights)) return;
      this.#leave();
      this.#signedIn(rights);
      announce(`You are signed in as ${rights.role} now`);
    } catch (error) {
      if (error instanceof NotSignedIn && context === this.#context) this.#askWho(error.message);
    }
  }

  /** Nothing of what is shown can be relied on. */
  #showAnew(): void {
    this.#leave();
    this.#route();
  }

  #leave(): void {
    closeDialogs();
    this.#view?.close();
    this.#view = undefined;
  }
}

function viewOf(route: Route, context: PageContext): View {
  return route.view === 'list' ? new ListView(context, route) : new ResourceView(context, route.resource);
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`page.html has no element '${id}'`);
  return found;
}

new Page().start();
