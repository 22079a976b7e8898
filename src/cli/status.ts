/** `lockd status`: one resource, or without any the daemon itself. */
import type { LockdClient } from '../client/client.js';
import { urlText } from '../client/daemon-url.js';
import type { Hold } from '../core/commands.js';
import type { FileStatus } from '../service/api.js';
import { defineCommand } from './command.js';
import { CONNECTION, commandFor, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { sinceText } from './moments.js';
import { printable } from './printable.js';
import { paintState } from './state.js';
import { factLines } from './table.js';
import type { Answer, Terminal } from './terminal.js';

export const status = defineCommand({
  name: 'status',
  summary: 'show who holds a resource; without one, how the daemon is',
  words: [['[resource]', 'what to look at']],
  settings: { ...CONNECTION },
  run: ({ subject, settings: { url }, terminal }) =>
    withClient({ url }, async (client) => {
      const answer =
        subject === ''
          ? await daemonStatus(client, terminal)
          : resourceStatus(await client.status(subject), url, terminal);
      terminal.answer(answer);
      return DONE;
    }),
});

function resourceStatus(found: FileStatus, url: URL, terminal: Terminal): Answer {
  const { resource, state, limit, held, holders, file } = found;
  const lines = [`${printable(resource)}: ${paintState(printable(state), terminal)}`];
  if (limit > 1) lines.push(...factLines([['holders', `${held} of at most ${limit}`]]));
  for (const hold of holders) lines.push(...factLines(holdFacts(hold)));
  if (held > holders.length) lines.push(`  and ${(held - holders.length).toLocaleString('en')} more`);
  lines.push(...factLines([['file', state === 'free' ? `${file} (not there at present)` : file]]));
  if (state === 'unreadable') {
    const force = commandFor(url, 'force-unlock', [resource], ['--reason', 'WHY']);
    lines.push(`  The file cannot be read. Look at it; if nobody needs the lock: ${force}`);
  }
  return { json: found, text: lines.join('\n') };
}

function holdFacts({ client, acquired, token, from, note }: Hold): [string, string][] {
  return [
    ['holder', client],
    ['since', sinceText(acquired)],
    ['token', token],
    ['from', from],
    ...(note === undefined ? [] : [['note', note] satisfies [string, string]]),
  ];
}

async function daemonStatus(client: LockdClient, terminal: Terminal): Promise<Answer> {
  const [stats, health] = await Promise.all([client.stats(), client.health()]);
  const { version, started, directory, held } = stats;
  const state = terminal.paint(health.status === 'ok' ? 'green' : 'red', health.status);
  const lines = [
    `lockd ${printable(version)} at ${urlText(client.url)}: ${state}`,
    ...factLines([
      ['since', sinceText(started)],
      ['directory', directory],
      ['held', held.toLocaleString('en')],
    ]),
    ...health.problems.map((problem) => `  ${terminal.paint('red', printable(problem))}`),
  ];
  return { json: { url: urlText(client.url), ...stats, health }, text: lines.join('\n') };
}
