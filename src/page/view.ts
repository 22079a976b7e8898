/** What the parts of the page know of each other. */
import type { Daemon } from './daemon.js';
import type { FeedEvent, FeedFilter } from './event-feed.js';
import type { Rights } from './rights.js';
import type { Route } from './route.js';

/** What every view gets. */
export interface PageContext {
  readonly daemon: Daemon;
  readonly rights: Rights;
  /** Shows something else, as a link would. */
  go(route: Route): void;
  /** Follows what the view shows now. */
  follow(filter: FeedFilter): void;
  /** The daemon does not know any more who calls. */
  signedOut(message: string): void;
}

/** One thing that the page shows at a time. */
export interface View {
  readonly element: HTMLElement;
  /** For the title of the window. */
  readonly title: string;
  /** Shows another route instead, if it can without losing what is typed in it. */
  show(route: Route): boolean;
  /** Everything may have changed: reads it again. */
  refresh(): void;
  /** The stream is back, and tells what is in the history since it was cut: all else may have changed. */
  onResumed(): void;
  onEvent(event: FeedEvent): void;
  /** Some seconds have passed: reads again what changes without an event. */
  onTick(): void;
  close(): void;
}
