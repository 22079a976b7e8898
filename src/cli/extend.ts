/** `lockd extend`: adds time to a lease. */
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../core/limits.js';
import { defineCommand } from './command.js';
import { CONNECTION, IDENTITY, withCaller } from './connection.js';
import { duration } from './duration.js';
import { DONE } from './exit-status.js';
import { explained } from './explain.js';
import { TOKEN } from './hold-settings.js';
import { holdAnswer } from './hold-text.js';
import { optional } from './setting.js';
import { UsageError } from './usage-error.js';

export const extend = defineCommand({
  name: 'extend',
  summary: 'add time to what is left of a lease; a repeat adds again',
  words: [
    ['<resource>', 'what is locked'],
    ['[seconds]', 'how much to add, like 30 or 5m: short for --seconds'],
    ['[client]', 'who holds it: short for --client'],
  ],
  settings: {
    ...CONNECTION,
    ...IDENTITY,
    seconds: optional('DURATION', 'how much to add (required)', duration(MIN_TTL_SECONDS, MAX_TTL_SECONDS)),
    ...TOKEN,
  },
  run: ({ subject, settings, terminal }) => {
    const { seconds, token } = settings;
    if (seconds === undefined)
      throw new UsageError(`Say how much to add to the lease of '${subject}', like 5m`);
    return withCaller(settings, terminal, async (client) => {
      const options = token === undefined ? {} : { token };
      terminal.answer(holdAnswer(await explained(client.extend(subject, seconds, options), client, subject)));
      return DONE;
    });
  },
});
