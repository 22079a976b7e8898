/** The state of a resource in the colour that it deserves. */
import type { Terminal } from './terminal.js';

const MAY_NEED_AN_OPERATOR: ReadonlySet<string> = new Set(['unreadable', 'fencing']);

/** Free is green, what may need an operator is red, everything else is yellow. */
export function paintState(state: string, terminal: Terminal): string {
  if (state === 'free') return terminal.paint('green', state);
  return terminal.paint(MAY_NEED_AN_OPERATOR.has(state) ? 'red' : 'yellow', state);
}
