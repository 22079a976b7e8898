/** `lockd gate`: the token check at the resource itself. It needs no daemon. */
import { GateClosed } from '../gate/errors.js';
import { type Passage, pass } from '../gate/gate.js';
import { runWithLock } from '../gate/run-command.js';
import { CannotRun } from '../run/cannot-run.js';
import { defineCommand } from './command.js';
import { inherited } from './connection.js';
import { durationSeconds } from './duration.js';
import { DONE } from './exit-status.js';
import { interruptible } from './interruption.js';
import { printable } from './printable.js';
import { optional } from './setting.js';
import type { Terminal, World } from './terminal.js';
import { UsageError } from './usage-error.js';
import { token as tokenDigits } from './values.js';

export const gate = defineCommand({
  name: 'gate',
  summary:
    'let a token pass, and run a command, unless a higher token has passed FILE before; needs no daemon',
  words: [
    ['<file>', 'where the highest token is kept: one file for each resource'],
    ['[token]', 'short for --token'],
    ['[command...]', 'what to run, behind --; nobody else passes until it has ended'],
  ],
  settings: {
    token: optional('TOKEN', 'as lockd lock printed it (required)', tokenDigits),
    wait: optional(
      'DURATION',
      'how long to wait for the command in the gate (default: for ever)',
      durationSeconds,
    ),
  },
  epilogue: `Exit statuses: that of the command, 128+n where a signal ended it, 126 it cannot be run, 127 it was not found;
76 a higher token has passed before; 75 gave up waiting; 1 FILE cannot be read or written.

Example, where the work is done:
  lockd gate /srv/app/token "$LOCKD_TOKEN" -- ./switch-release`,
  run: async ({ subject: path, words: [, , ...command], settings: { token, wait }, terminal }) => {
    if (token === undefined) throw new UsageError(`Say which token is to pass ${path}`);
    if (command[0] === '') throw new UsageError('command must not be empty');
    try {
      const passage = await interruptible(`The wait at the gate ${path}`, (signal) =>
        pass(path, token, { waitSeconds: wait, signal }),
      );
      return command.length === 0
        ? await leave(passage, path, token, terminal)
        : await runIn(passage, command, inherited(terminal.world.environment));
    } catch (error) {
      if (!(error instanceof GateClosed || error instanceof CannotRun)) throw error;
      const { message, exitStatus } = error;
      terminal.answer({
        json: { error: { message, exitStatus } },
        aside: terminal.paintAside('red', printable(message)),
      });
      return exitStatus;
    }
  },
});

async function leave(passage: Passage, file: string, token: string, terminal: Terminal): Promise<number> {
  await passage.leave();
  terminal.answer({ json: { file, token, passed: true } });
  return DONE;
}

async function runIn(
  passage: Passage,
  command: readonly string[],
  environment: World['environment'],
): Promise<number> {
  try {
    return await runWithLock(command, passage.descriptor, environment);
  } finally {
    await passage.leave();
  }
}
