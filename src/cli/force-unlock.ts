/**
 * `lockd force-unlock`: an operator ends somebody's hold. Whose it is, is called `holder` on the command line, because
 * --client says everywhere who the caller is.
 */
import type { LockdClient } from '../client/client.js';
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import { defineCommand } from './command.js';
import { CONNECTION, commandFor, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { ExplainedRefusal, explained } from './explain.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import { UsageError } from './usage-error.js';
import { text } from './values.js';

export const forceUnlock = defineCommand({
  name: 'force-unlock',
  summary: "end somebody's hold against their will",
  words: [
    ['<resource>', 'what to unlock'],
    ['[holder]', 'whose hold ends: short for --holder'],
  ],
  settings: {
    ...CONNECTION,
    holder: optional('NAME', 'whose hold ends; needed where several hold the resource', text),
    reason: optional('TEXT', 'why (required); the holder is told', text),
  },
  epilogue: 'Make sure first that the holder has stopped: from then on others get the lock.',
  run: ({ subject, settings: { url, holder, reason }, terminal }) => {
    if (reason === undefined) throw new UsageError('--reason is required: say why, the holder is told');
    return withClient({ url }, async (client) => {
      const options = { reason, ...(holder === undefined ? {} : { client: holder }) };
      await explained(client.forceUnlock(subject, options), client, subject).catch(async (error: unknown) => {
        throw holder === undefined ? await withoutHolder(client, subject, error) : error;
      });
      terminal.answer({
        json: { resource: subject, ...(holder === undefined ? {} : { holder }), forced: true },
        text: printable(
          `'${subject}' was unlocked by force${holder === undefined ? '' : `; '${holder}' lost it`}`,
        ),
      });
      return DONE;
    });
  },
});

/** Where the daemon wants to know whose hold is meant, it is told here in words of the command line. */
async function withoutHolder(client: LockdClient, resource: string, error: unknown): Promise<unknown> {
  if (!(error instanceof ExplainedRefusal) || error.refused.code !== BAD_PARAMETERS) return error;
  const { held } = (await client.status(resource).catch(() => undefined)) ?? { held: 0 };
  if (held < 2) return error;
  const status = commandFor(client.url, 'status', [resource]);
  return new UsageError(`'${resource}' has ${held} holders: name one with --holder. To see them: ${status}`);
}
