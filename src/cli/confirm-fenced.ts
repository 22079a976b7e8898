/** `lockd confirm-fenced`: an operator vouches for what the fence command does not achieve. */
import { defineCommand } from './command.js';
import { CONNECTION, withClient } from './connection.js';
import { DONE } from './exit-status.js';
import { explained } from './explain.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import { UsageError } from './usage-error.js';
import { text, token as tokenDigits } from './values.js';

export const confirmFenced = defineCommand({
  name: 'confirm-fenced',
  summary: 'end a fencing that does not succeed',
  words: [['<resource>', 'what is being fenced']],
  settings: {
    ...CONNECTION,
    token: optional('TOKEN', 'which lost hold; needed where several are being fenced', tokenDigits),
    reason: optional('TEXT', 'why (required); for the history', text),
  },
  epilogue: 'Make sure first that the lost holder can do no more harm: from then on others get the lock.',
  run: ({ subject, settings, terminal }) => {
    const { token, reason } = settings;
    if (reason === undefined) throw new UsageError('--reason is required: say why that is certain');
    return withClient(settings, async (client) => {
      const options = { reason, ...(token === undefined ? {} : { token }) };
      await explained(client.confirmFenced(subject, options), client, subject);
      terminal.answer({
        json: { resource: subject, ...(token === undefined ? {} : { token }), fenced: true },
        text: printable(`The lost holder of '${subject}' counts as fenced`),
      });
      return DONE;
    });
  },
});
