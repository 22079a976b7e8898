/** `lockd run`: runs a command under a lock. Standard output is the command's alone. */
import { isatty } from 'node:tty';
import type { LockdClientOptions } from '../client/client.js';
import { MAX_LIMIT } from '../core/limits.js';
import { isInForeground } from '../run/processes.js';
import { defineCommand } from './command.js';
import { CONNECTION, connect, withClient } from './connection.js';
import { durationSeconds } from './duration.js';
import { ttl } from './hold-settings.js';
import { LockedRun } from './run-locked.js';
import { Voice } from './run-voice.js';
import { optional, optionalToggle, toggle, withDefault } from './setting.js';
import { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { oneOf, text, wholeNumber } from './values.js';

const definition = defineCommand({
  name: 'run',
  summary: 'run a command under a lock, which is renewed meanwhile and given back afterwards',
  words: [
    ['<resource>', 'what to lock'],
    ['<command...>', 'what to run, behind --'],
  ],
  settings: {
    ...CONNECTION,
    client: optional('NAME', 'who locks (default: user@host:pid-random)', text),
    ttl: withDefault(
      'DURATION',
      'how long the lock lasts unless it is renewed, at a third of that',
      ttl,
      '30s',
    ),
    wait: {
      ...optional(
        'DURATION',
        'how long to wait in the line (default: for ever); --no-wait: refused at once',
        durationSeconds,
      ),
      opposite: '0',
    },
    limit: optional('N', 'how many may hold it at once (default: 1)', wholeNumber(1, MAX_LIMIT)),
    note: optional('TEXT', 'why, for everybody who looks at the lock', text),
    onLoss: withDefault(
      'WHAT',
      'when the lock cannot be renewed: term, then kill all that the command started; kill at once; keep it running',
      oneOf('term', 'kill', 'keep'),
      'term',
    ),
    conflictExitCode: optional(
      'N',
      'exit status instead of 1 and 75 when the lock is not had',
      wholeNumber(0, 255),
    ),
    foreground: optionalToggle(
      'leave the command in our process group, where it may use the terminal (default: on a terminal); --no-foreground: not',
    ),
  },
  epilogue: `The command finds LOCKD_RESOURCE, LOCKD_CLIENT and LOCKD_TOKEN in its environment. Signals are passed on to it,
SIGHUP also under nohup: to outlive a terminal, start it with setsid. The lock is given back when the command ends; what it
leaves running in the background runs without it.

When the lock cannot be renewed, the command and all that it started get SIGTERM when 0.7 of the ttl are over, again at 0.8,
and SIGKILL at 0.9. A run that is itself killed with SIGKILL, or stopped, ends nothing: the lock then ends with its lease
while the command goes on, and only a check of the token where it writes (lockd gate) or a fence command stops it.

Exit statuses: that of the command, 128+n where a signal ended it, 126 it cannot be run, 127 it was not found; 1 refused;
75 gave up waiting; 69 no daemon answers; 77 not let in, or not allowed; 76 the lock was lost, whatever the command made of it.

The command inherits LOCKD_URL without the user and the secret in it. Where it is to call lockd itself, sign in by LOCKD_USER
and LOCKD_SECRET_FILE, which it inherits as they are.

Example:
  lockd run deploy/prod --note 'release 7' -- ./deploy --fast`,
  run: async ({ subject, words: [, ...command], settings, terminal }) => {
    if (command[0] === '') throw new UsageError('command must not be empty');
    const { client: name, foreground, wait = Number.POSITIVE_INFINITY, ...rest } = settings;
    // Without the standard input of a terminal there is nothing to be asked.
    const isForeground = foreground ?? (isatty(0) && isInForeground());
    const voice = new Voice(terminal);
    try {
      return await withClient(
        settings,
        (client) => {
          const another = (options: LockdClientOptions) =>
            connect(settings, { ...options, client: client.client });
          const locked = { ...rest, client, another, resource: subject, command, wait, isForeground };
          return new LockedRun(locked, terminal, voice).run();
        },
        name,
      );
    } finally {
      await voice.finish();
    }
  },
});

/** All that it says itself goes to standard error, also with --json. */
export const run: typeof definition = {
  ...definition,
  settings: {
    ...definition.settings,
    json: toggle('what it says itself, on standard error, is one JSON object per line'),
  },
  terminal: (sources, world) =>
    new Terminal({ ...world, stdout: world.stderr }, definition.terminal(sources, world).json),
};
