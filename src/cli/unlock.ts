/** `lockd unlock`: gives a lock back. */
import { defineCommand } from './command.js';
import { CONNECTION, IDENTITY, withCaller } from './connection.js';
import { DONE } from './exit-status.js';
import { explained } from './explain.js';
import { TOKEN } from './hold-settings.js';
import { printable } from './printable.js';

export const unlock = defineCommand({
  name: 'unlock',
  summary: 'give a lock back',
  words: [
    ['<resource>', 'what to unlock'],
    ['[client]', 'who holds it: short for --client'],
  ],
  settings: {
    ...CONNECTION,
    ...IDENTITY,
    ...TOKEN,
  },
  run: ({ subject, settings, terminal }) => {
    const { token } = settings;
    return withCaller(settings, terminal, async (client) => {
      await explained(client.unlock(subject, token === undefined ? {} : { token }), client, subject);
      terminal.answer({
        json: { resource: subject, client: client.client, unlocked: true },
        text: printable(`'${subject}' is no longer locked by '${client.client}'`),
      });
      return DONE;
    });
  },
});
