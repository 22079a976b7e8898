/** `lockd ping`: whether a daemon answers, which version, and how fast. */
import { urlText } from '../client/daemon-url.js';
import { defineCommand } from './command.js';
import { CONNECTION, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { printable } from './printable.js';

export const ping = defineCommand({
  name: 'ping',
  summary: 'ask whether the daemon answers, and how fast',
  settings: { ...CONNECTION },
  run: ({ settings, terminal }) =>
    withClient(settings, async (client) => {
      // The first call makes the connection, which is not what is measured.
      await client.stats();
      const sent = performance.now();
      const { version, leader } = await client.stats();
      const url = urlText(client.url);
      const milliseconds = Math.round((performance.now() - sent) * 100) / 100;
      terminal.answer({
        json: { url, version, milliseconds, ...(leader === undefined ? {} : { leader }) },
        text: printable(`lockd ${version} answers at ${url} in ${milliseconds} ms${leading(url, leader)}`),
      });
      return DONE;
    }),
});

/** Who answers calls in a cluster leads it, and may have another name for itself. */
function leading(url: string, leader: string | undefined): string {
  if (leader === undefined) return '';
  return leader === url ? ', and leads its cluster' : `, and leads its cluster as ${leader}`;
}
