/** `lockd lock`: takes a lock, and prints its token alone, so that scripts can write `T=$(lockd lock R)`. */
import { MAX_LIMIT } from '../core/limits.js';
import { defineCommand } from './command.js';
import { CONNECTION, commandFor, IDENTITY, identify, withClient } from './connection.js';
import { DONE, exitStatusOf } from './exit-status.js';
import { explained } from './explain.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import { text, wholeNumber } from './values.js';

/** Somebody else has it, for now or until they are tired of waiting: what flock's -E replaces. */
const CONFLICTS = new Set([1, 75]);

export const lock = defineCommand({
  name: 'lock',
  summary: 'take a lock, or be refused at once; prints its token',
  words: [
    ['<resource>', 'what to lock'],
    ['[client]', 'who locks: short for --client'],
  ],
  settings: {
    ...CONNECTION,
    ...IDENTITY,
    limit: optional('N', 'how many may hold it at once (default: 1)', wholeNumber(1, MAX_LIMIT)),
    note: optional('TEXT', 'why, for everybody who looks at the lock', text),
    conflictExitCode: optional('N', 'exit status instead of 1 and 75', wholeNumber(0, 255)),
  },
  epilogue: `Example:
  T=$(lockd lock deploy/prod) || exit
  ./deploy
  lockd unlock deploy/prod --token "$T"`,
  run: ({ subject, settings, terminal }) => {
    const { url, limit, note, conflictExitCode } = settings;
    return withClient({ url, client: identify(settings.client, terminal) }, async (client) => {
      const options = { ...(limit === undefined ? {} : { limit }), ...(note === undefined ? {} : { note }) };
      const hold = await explained(client.lock(subject, options), client, subject, (refused) => {
        const status = exitStatusOf(refused);
        return CONFLICTS.has(status) ? (conflictExitCode ?? status) : status;
      });
      const unlock = commandFor(url, 'unlock', [hold.resource, hold.client], ['--token', hold.token]);
      terminal.answer({
        json: hold,
        text: printable(hold.token),
        aside: printable(`'${hold.resource}' is locked by '${hold.client}'. To unlock: ${unlock}`),
      });
      return DONE;
    });
  },
});
