/** The state of a resource in the colour that it deserves. */
import type { Terminal } from './terminal.js';

/** Free is green, what needs an operator is red, everything else is yellow. */
export function paintState(state: string, terminal: Terminal): string {
  if (state === 'free') return terminal.paint('green', state);
  return terminal.paint(state === 'unreadable' ? 'red' : 'yellow', state);
}
