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
import { optional, toggle } from './setting.js';
import { UsageError } from './usage-error.js';
import { text, token as tokenDigits } from './values.js';

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
    token: optional('TOKEN', 'only that very hold, not one that the holder got meanwhile', tokenDigits),
    reason: optional('TEXT', 'why (required); the holder is told', text),
    fenced: toggle('the holder can do no more harm for certain: no fence command runs'),
  },
  epilogue:
    'Make sure first that the holder has stopped: others get the lock then, or where a fence command applies, after that.',
  run: ({ subject, settings, terminal }) => {
    const { holder, token, reason, fenced } = settings;
    if (reason === undefined) throw new UsageError('--reason is required: say why, the holder is told');
    return withClient(settings, async (client) => {
      const options = {
        reason,
        ...(holder === undefined ? {} : { client: holder }),
        ...(token === undefined ? {} : { token }),
        ...(fenced ? { fenced } : {}),
      };
      await explained(client.forceUnlock(subject, options), client, subject).catch(async (error: unknown) => {
        throw holder === undefined ? await withoutHolder(client, subject, error) : error;
      });
      terminal.answer({
        ...(await stillTaken(client, subject)),
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
  const status = commandFor(client.urls, 'status', [resource]);
  return new UsageError(`'${resource}' has ${held} holders: name one with --holder. To see them: ${status}`);
}

/** Where the lost hold still takes its slot: until when, and how to look. */
async function stillTaken(client: LockdClient, resource: string): Promise<{ aside?: string }> {
  const { state } = (await client.status(resource).catch(() => undefined)) ?? {};
  if (state !== 'fencing' && state !== 'delayed') return {};
  const until = state === 'fencing' ? 'the fence command has succeeded' : 'the lock-delay is over';
  const look = commandFor(client.urls, 'status', [resource]);
  return { aside: printable(`It is granted again when ${until}. To look: ${look}`) };
}
