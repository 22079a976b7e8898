/** `lockd renew`: makes a lease run on. */
import { defineCommand } from './command.js';
import { CONNECTION, IDENTITY, withCaller } from './connection.js';
import { DONE } from './exit-status.js';
import { explained } from './explain.js';
import { ttl as readTtl, TOKEN } from './hold-settings.js';
import { holdAnswer } from './hold-text.js';
import { optional } from './setting.js';

export const renew = defineCommand({
  name: 'renew',
  summary: 'make a lease run for its whole time again, or for a new one',
  words: [
    ['<resource>', 'what is locked'],
    ['[client]', 'who holds it: short for --client'],
  ],
  settings: {
    ...CONNECTION,
    ...IDENTITY,
    ttl: optional('DURATION', 'a new length, which may be shorter (default: as before)', readTtl),
    ...TOKEN,
  },
  run: ({ subject, settings, terminal }) => {
    const { ttl, token } = settings;
    return withCaller(settings, terminal, async (client) => {
      const options = { ...(ttl === undefined ? {} : { ttl }), ...(token === undefined ? {} : { token }) };
      terminal.answer(holdAnswer(await explained(client.renew(subject, options), client, subject)));
      return DONE;
    });
  },
});
