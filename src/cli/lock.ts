/** `lockd lock`: takes a lock, and prints its token alone, so that scripts can write `T=$(lockd lock R)`. */
import type { LockdClient } from '../client/client.js';
import type { RefusedCall } from '../client/errors.js';
import type { Hold } from '../core/answers.js';
import { MAX_LIMIT } from '../core/limits.js';
import type { LockOptions } from '../service/api.js';
import { defineCommand } from './command.js';
import { CONNECTION, commandFor, IDENTITY, withCaller } from './connection.js';
import { durationSeconds } from './duration.js';
import { DONE, exitStatusOf } from './exit-status.js';
import { explained } from './explain.js';
import { ttl as readTtl } from './hold-settings.js';
import { interruptible } from './interruption.js';
import { printable } from './printable.js';
import { optional, withDefault } from './setting.js';
import { tellWhileWaiting } from './tell-waiting.js';
import type { Terminal } from './terminal.js';
import { text, wholeNumber } from './values.js';

/** Somebody else has it, for now or until they are tired of waiting: what flock's -E replaces. */
const CONFLICTS = new Set([1, 75]);

/** The exit status of a lock that was refused; `conflictExitCode` stands for those of a conflict. */
export function lockStatusOf(refused: RefusedCall, conflictExitCode: number | undefined): number {
  const status = exitStatusOf(refused);
  return CONFLICTS.has(status) ? (conflictExitCode ?? status) : status;
}

export const lock = defineCommand({
  name: 'lock',
  summary: 'take a lock, or wait for it, or be refused at once; prints its token',
  words: [
    ['<resource>', 'what to lock'],
    ['[client]', 'who locks: short for --client'],
  ],
  settings: {
    ...CONNECTION,
    ...IDENTITY,
    ttl: optional(
      'DURATION',
      'how long it lasts unless it is renewed (default: until unlocked, or serve --default-ttl)',
      readTtl,
    ),
    wait: withDefault('DURATION', 'how long to wait in the line; 0: refused at once', durationSeconds, '0s'),
    limit: optional('N', 'how many may hold it at once (default: 1)', wholeNumber(1, MAX_LIMIT)),
    note: optional('TEXT', 'why, for everybody who looks at the lock', text),
    request: optional('KEY', 'retry key: a repeat gets the same hold, or the same place in the line', text),
    conflictExitCode: optional('N', 'exit status instead of 1 and 75', wholeNumber(0, 255)),
  },
  epilogue: `Example:
  T=$(lockd lock deploy/prod --wait 5m) || exit
  ./deploy
  lockd unlock deploy/prod --token "$T"`,
  run: ({ subject, settings, terminal }) => {
    const { ttl, wait, limit, note, request, conflictExitCode } = settings;
    return withCaller(settings, terminal, async (client) => {
      const options: LockOptions = {
        ...(ttl === undefined ? {} : { ttl }),
        ...(limit === undefined ? {} : { limit }),
        ...(note === undefined ? {} : { note }),
        ...(request === undefined ? {} : { request }),
      };
      const locked =
        wait === 0 ? client.lock(subject, options) : waitFor(client, subject, { ...options, wait }, terminal);
      const hold = await explained(locked, client, subject, {
        exitStatus: (refused) => lockStatusOf(refused, conflictExitCode),
      });
      const unlock = commandFor(client.urls, 'unlock', [hold.resource, hold.client], ['--token', hold.token]);
      terminal.answer({
        json: hold,
        text: printable(hold.token),
        aside: printable(`'${hold.resource}' is locked by '${hold.client}'. To unlock: ${unlock}`),
      });
      return DONE;
    });
  },
});

/** Locks with a place in the line, which a signal gives up; says meanwhile on standard error for whom it waits. */
function waitFor(
  client: LockdClient,
  resource: string,
  options: LockOptions,
  terminal: Terminal,
): Promise<Hold> {
  return interruptible(`The wait of '${client.client}' for '${resource}'`, (signal) =>
    tellWhileWaiting(client.lock(resource, { ...options, signal }), {
      client: client.client,
      look: (over) => client.status(resource, { signal: over }),
      tell: (line) => terminal.aside(printable(line)),
    }),
  );
}
