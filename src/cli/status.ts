/** `lockd status`: one resource, or without any the daemon itself. */
import type { LockdClient } from '../client/client.js';
import { urlText } from '../client/daemon-url.js';
import { defineCommand } from './command.js';
import { CONNECTION, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { sinceText } from './moments.js';
import { printable } from './printable.js';
import { resourceStatusText } from './status-text.js';
import { factLines } from './table.js';
import type { Answer, Terminal } from './terminal.js';

export const status = defineCommand({
  name: 'status',
  summary: 'show who holds a resource, and who waits; without one, how the daemon is',
  words: [['[resource]', 'what to look at']],
  settings: { ...CONNECTION },
  run: ({ subject, settings, terminal }) =>
    withClient(settings, async (client) => {
      terminal.answer(
        subject === ''
          ? await daemonStatus(client, terminal)
          : await resourceStatus(client, subject, terminal),
      );
      return DONE;
    }),
});

async function resourceStatus(client: LockdClient, resource: string, terminal: Terminal): Promise<Answer> {
  const found = await client.status(resource);
  return { json: found, text: resourceStatusText(found, client.urls, terminal) };
}

async function daemonStatus(client: LockdClient, terminal: Terminal): Promise<Answer> {
  const [stats, health] = await Promise.all([client.stats(), client.health()]);
  const { version, started, directory, held, waiting, fencing } = stats;
  const state = terminal.paint(health.status === 'ok' ? 'green' : 'red', health.status);
  const lines = [
    `lockd ${printable(version)} at ${urlText(client.url)}: ${state}`,
    ...factLines([
      ['since', sinceText(started)],
      ['directory', directory],
      ['held', held.toLocaleString('en')],
      ['waiting', waiting.toLocaleString('en')],
      ['fencing', fencing.toLocaleString('en')],
    ]),
    ...health.problems.map((problem) => `  ${terminal.paint('red', printable(problem))}`),
  ];
  return { json: { url: urlText(client.url), ...stats, health }, text: lines.join('\n') };
}
