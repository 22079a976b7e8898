/** The lines of `lockd watch`: `TIME RESOURCE state holder token` and then the lease, the line and the note. */
import type { FileStatus } from '../service/api.js';
import { GrowingColumns } from './growing-columns.js';
import { spanText, utcText } from './moments.js';
import { paintState } from './state.js';
import type { Terminal } from './terminal.js';

/** How many holders one line has room for. */
const NAMED_HOLDERS = 3;

const STATE_COLUMN = 2;

export class WatchLines {
  readonly #columns: GrowingColumns;

  constructor(terminal: Terminal) {
    this.#columns = new GrowingColumns(terminal, (cell, column) =>
      column === STATE_COLUMN ? paintState(cell, terminal) : cell,
    );
  }

  /** The lines of what was seen at once, each with its line feed. */
  text(changes: readonly FileStatus[], time: Date): string {
    return this.#columns.text(changes.map((status) => cellsOf(status, time)));
  }
}

function cellsOf(status: FileStatus, time: Date): string[] {
  const named = status.holders.slice(0, NAMED_HOLDERS);
  const more = status.held - named.length;
  const holders = [...named.map(({ client }) => client), ...(more > 0 ? [`${count(more)} more`] : [])];
  const tokens = named.map(({ token }) => token);
  return [
    utcText(time),
    status.resource,
    status.state,
    holders.join(', '),
    tokens.join(', '),
    factsOf(status).join(', '),
  ];
}

/** What there is to know besides. */
function factsOf({ state, holders, waiting, queue, fence = [], file }: FileStatus): string[] {
  const [first] = queue;
  const facts: string[] = [];
  if (state === 'unreadable') facts.push(`look at ${file}`);
  if (state === 'reserved' && first) facts.push(`kept for '${first.client}'`);
  const [hold] = holders;
  if (hold && holders.length === 1) {
    if (hold.state === 'held')
      facts.push(hold.left === undefined ? 'no lease' : `${spanText(hold.left)} left`);
    if (hold.note !== undefined) facts.push(`note: ${hold.note}`);
  }
  for (const { tries, lastError } of fence) {
    const failed = tries === 1 ? 'once' : `${count(tries)} times`;
    if (tries > 0) facts.push(`fence command failed ${failed}, last with ${lastError}`);
  }
  if (waiting > 0) facts.push(`${count(waiting)} waiting`);
  return facts;
}

function count(number: number): string {
  return number.toLocaleString('en');
}
