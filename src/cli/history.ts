/** `lockd history`: what happened, newest first, as a table; as many pages as it takes. */
import { DEFAULT_HISTORY_COUNT } from '../core/limits.js';
import type { HistoryEvent, HistoryOptions } from '../service/api.js';
import { defineCommand } from './command.js';
import { CONNECTION, withClient } from './connection.js';
import { eventCells, paintEvent } from './event-cells.js';
import { DONE } from './exit-status.js';
import { printable } from './printable.js';
import { optional, withDefault } from './setting.js';
import { tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { text, wholeNumber } from './values.js';

const HEADINGS = ['TIME', 'EVENT', 'RESOURCE', 'CLIENT', 'TOKEN', 'BY', 'REASON'];

export const history = defineCommand({
  name: 'history',
  summary: 'show what happened, newest first',
  words: [['[resource]', 'only what happened to it']],
  settings: {
    ...CONNECTION,
    holder: optional('NAME', 'only what happened to this client', text),
    count: withDefault('N', 'at most so many events', wholeNumber(1), String(DEFAULT_HISTORY_COUNT)),
    before: optional('ID', 'only events before this one: the last of what was shown', text),
  },
  run: ({ subject, settings, terminal }) => {
    const { holder, count, before } = settings;
    const options: HistoryOptions = {
      count,
      ...(subject === '' ? {} : { resource: subject }),
      ...(holder === undefined ? {} : { client: holder }),
      ...(before === undefined ? {} : { before }),
    };
    return withClient(settings, async (client) => {
      const events: HistoryEvent[] = [];
      for await (const event of client.historyAll(options)) events.push(event);
      terminal.answer(
        events.length === 0
          ? { json: events, aside: 'Nothing is known to have happened that matches' }
          : { json: events, text: historyText(events, terminal), ...furtherText(events, count) },
      );
      return DONE;
    });
  },
});

function historyText(events: readonly HistoryEvent[], terminal: Terminal): string {
  const rows = [HEADINGS, ...events.map(eventCells)].map((row) => row.map(printable));
  return tableLines(rows, (cell, column, row) => {
    if (row === 0) return terminal.paint('bold', cell);
    return paintEvent(cell, column, terminal);
  }).join('\n');
}

/** Where there may be more, how to see it. */
function furtherText(events: readonly HistoryEvent[], count: number): { aside?: string } {
  const last = events.at(-1);
  return last && events.length >= count ? { aside: printable(`For older events: --before ${last.id}`) } : {};
}
