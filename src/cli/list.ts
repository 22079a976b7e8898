/** `lockd list`: everything that is not free, as a table; all pages of it. */
import { RESOURCE_STATES } from '../core/answers.js';
import type { FileStatus, ListOptions } from '../service/api.js';
import { defineCommand } from './command.js';
import { CONNECTION, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { spanText, utcText } from './moments.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import { paintState } from './state.js';
import { tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { oneOf, text, wholeNumber } from './values.js';

const HEADINGS = ['RESOURCE', 'STATE', 'HOLDER', 'SINCE', 'LEASE', 'WAITING', 'TOKEN', 'NOTE'];
const STATE_COLUMN = HEADINGS.indexOf('STATE');

/** What can be listed at all. */
const STATES = RESOURCE_STATES.filter((state) => state !== 'free');

export const list = defineCommand({
  name: 'list',
  summary: 'show all resources that are not free',
  settings: {
    ...CONNECTION,
    prefix: optional('TEXT', 'only resources that begin so', text),
    holder: optional('NAME', 'only what this client holds or waits for', text),
    state: optional('STATE', `only those in this state: ${STATES.join(', ')}`, oneOf(...STATES)),
    count: optional('N', 'at most so many resources (default: all)', wholeNumber(1)),
    after: optional('RESOURCE', 'only resources behind this one, in code-unit order', text),
  },
  run: ({ settings, terminal }) => {
    const { prefix, holder, state, count, after } = settings;
    const options: ListOptions = {
      ...(prefix === undefined ? {} : { prefix }),
      ...(holder === undefined ? {} : { client: holder }),
      ...(state === undefined ? {} : { state }),
      ...(count === undefined ? {} : { count }),
      ...(after === undefined ? {} : { after }),
    };
    return withClient(settings, async (client) => {
      const found: FileStatus[] = [];
      for await (const status of client.listAll(options)) found.push(status);
      terminal.answer(
        found.length === 0
          ? { json: found, aside: 'Nothing is locked that matches' }
          : { json: found, text: listText(found, terminal) },
      );
      return DONE;
    });
  },
});

/** One row for each holder; a resource without any that can be named has one too. */
function listText(found: readonly FileStatus[], terminal: Terminal): string {
  const rows = [HEADINGS, ...found.flatMap(rowsOf)].map((row) => row.map(printable));
  return tableLines(rows, (cell, column, row) => {
    if (row === 0) return terminal.paint('bold', cell);
    return column === STATE_COLUMN ? paintState(cell, terminal) : cell;
  }).join('\n');
}

function rowsOf(status: FileStatus): string[][] {
  const { resource, holders, held } = status;
  const waiting = status.waiting === 0 ? '' : status.waiting.toLocaleString('en');
  if (holders.length === 0) return [withoutHolder(status, waiting)];
  const rows = holders.map(({ client, state, acquired, left, token, note = '' }) => [
    resource,
    state,
    client,
    utcText(acquired),
    left === undefined ? '' : spanText(left),
    waiting,
    token,
    note,
  ]);
  const more = held - holders.length;
  if (more > 0)
    rows.push([resource, status.state, `and ${more.toLocaleString('en')} more`, ...['', '', '', '', '']]);
  return rows;
}

/** Nobody can be named: the lock file cannot be read, or the lock is kept for the first in the line. */
function withoutHolder({ resource, state, file, queue }: FileStatus, waiting: string): string[] {
  const [first] = queue;
  const [holder, note] =
    state === 'unreadable' ? ['?', `look at ${file}`] : ['', first ? `kept for '${first.client}'` : ''];
  return [resource, state, holder, '', '', waiting, '', note];
}
