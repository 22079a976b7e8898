/** `lockd stats`: what the daemon has done since its start. */
import { defineCommand } from './command.js';
import { CONNECTION, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { utcText } from './moments.js';
import { printable } from './printable.js';
import { tableLines } from './table.js';

export const stats = defineCommand({
  name: 'stats',
  summary: 'show what the daemon has done since its start',
  settings: { ...CONNECTION },
  run: ({ settings, terminal }) =>
    withClient(settings, async (client) => {
      const found = await client.stats();
      const rows = Object.entries(found).map(([name, value]) => [name, valueText(value)]);
      terminal.answer({ json: found, text: tableLines(rows).join('\n') });
      return DONE;
    }),
});

function valueText(value: string | number | Date): string {
  if (value instanceof Date) return utcText(value);
  return typeof value === 'number' ? value.toLocaleString('en') : printable(value);
}
