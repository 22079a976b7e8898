/** `lockd update`: changes the note of a hold, its lease, or (operators) its holder. */
import { defineCommand } from './command.js';
import { CONNECTION, commandFor, IDENTITY, withCaller } from './connection.js';
import { DONE } from './exit-status.js';
import { explained } from './explain.js';
import { ttl as readTtl, TOKEN } from './hold-settings.js';
import { holdAnswer } from './hold-text.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import { UsageError } from './usage-error.js';
import { text } from './values.js';

/** A hand-over is refused because of who shall get it, not because of who calls. */
const ADVICE = {
  held: () => 'Nobody holds a resource twice: hand it to somebody else, or have that hold unlocked first',
  alreadyInLine: () => 'Who waits there gets it in turn: unlock it, or hand it to somebody else',
};

export const update = defineCommand({
  name: 'update',
  summary: 'change the note of a hold, its lease, or its holder',
  words: [
    ['<resource>', 'what is locked'],
    ['[client]', 'who holds it: short for --client'],
  ],
  settings: {
    ...CONNECTION,
    ...IDENTITY,
    note: optional('TEXT', "a new note; '' removes it", (given) => given),
    ttl: optional('DURATION', 'a new lease from now on', readTtl),
    newClient: optional('NAME', 'for operators: who holds it from now on, with a new token', text),
    ...TOKEN,
  },
  run: ({ subject, settings, terminal }) => {
    const { note, ttl, newClient, token } = settings;
    if (note === undefined && ttl === undefined && newClient === undefined) {
      throw new UsageError(`Say what to change of '${subject}': --note, --ttl, or --new-client`);
    }
    return withCaller(settings, terminal, async (client) => {
      const options = {
        ...(note === undefined ? {} : { note }),
        ...(ttl === undefined ? {} : { ttl }),
        ...(newClient === undefined ? {} : { newClient }),
        ...(token === undefined ? {} : { token }),
      };
      const hold = await explained(client.update(subject, options), client, subject, { advice: ADVICE });
      const answer = holdAnswer(hold);
      if (newClient === undefined) {
        terminal.answer(answer);
      } else {
        const unlock = commandFor(
          client.urls,
          'unlock',
          [hold.resource, hold.client],
          ['--token', hold.token],
        );
        terminal.answer({ ...answer, aside: printable(`Its token is ${hold.token}. To unlock: ${unlock}`) });
      }
      return DONE;
    });
  },
});
