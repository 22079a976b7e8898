/** `lockd check`: is this token that of a current hold? For whoever guards the resource itself. */
import { defineCommand } from './command.js';
import { CONNECTION, commandFor, withClient } from './connection.js';
import { DONE, REFUSED } from './exit-status.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import { UsageError } from './usage-error.js';
import { token as tokenDigits } from './values.js';

export const check = defineCommand({
  name: 'check',
  summary: 'ask whether a token is that of a current hold; exit status 1 if not',
  words: [
    ['<resource>', 'what is locked'],
    ['[token]', 'the token to check: short for --token'],
  ],
  settings: {
    ...CONNECTION,
    token: optional('TOKEN', 'as lockd lock printed it (required)', tokenDigits),
  },
  run: ({ subject, settings, terminal }) => {
    const { token } = settings;
    if (token === undefined) throw new UsageError(`Say which token of '${subject}' to check`);
    return withClient(settings, async (client) => {
      const isCurrent = await client.check(subject, token);
      const json = { resource: subject, token, current: isCurrent };
      if (isCurrent) {
        terminal.answer({ json, text: printable(`Token ${token} holds '${subject}'`) });
        return DONE;
      }
      const look = commandFor(client.urls, 'status', [subject]);
      const problem = `Token ${token} is no current hold of '${subject}': stop the work of that token. To look: ${look}`;
      terminal.answer({ json, aside: printable(problem) });
      return REFUSED;
    });
  },
});
