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
      const { version } = await client.stats();
      const url = urlText(client.url);
      const milliseconds = Math.round((performance.now() - sent) * 100) / 100;
      terminal.answer({
        json: { url, version, milliseconds },
        text: printable(`lockd ${version} answers at ${url} in ${milliseconds} ms`),
      });
      return DONE;
    }),
});
