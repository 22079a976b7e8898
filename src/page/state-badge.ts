/** The state of a resource or hold, in a word and a colour. */
import type { HoldState, ResourceState } from '../core/answers.js';
import { element } from './dom.js';

/** What the word does not say by itself. */
const MEANINGS: Readonly<Record<ResourceState, string>> = {
  free: 'Nobody holds it',
  held: 'Locked',
  reserved: 'Kept for the first in the line, whose client is away',
  delayed: 'Lost; it rests for the lock-delay',
  fencing: 'Lost; it is granted again only when the former holder is fenced',
  unreadable: 'Its lock file cannot be read; locked until somebody forces it',
};

export function stateBadge(state: ResourceState | HoldState): HTMLElement {
  return element('span', { class: 'state', 'data-state': state, title: MEANINGS[state] }, state);
}
