/**
 * Telling systemd how the daemon is, where it asks for that (`Type=notify`): Node cannot send a datagram to a Unix socket,
 * the program `systemd-notify` can. It waits until systemd has read the message, so that its short life does no harm, but
 * it is another process: the unit needs `NotifyAccess=all`.
 */
import { spawn } from 'node:child_process';
import type { Log } from './log.js';

/** Milliseconds for one message; whoever does not read for so long is not waited for. */
const MESSAGE_MS = 5_000;

export interface ServiceManager {
  /** The daemon serves. `status` is one line for `systemctl status`. */
  ready(status: string): void;
  /** What it does has changed: one line for `systemctl status`. */
  status(status: string): void;
  /** It reads something again; `ready` ends that. */
  reloading(): void;
  stopping(): void;
}

/**
 * The service manager that waits for messages at `NOTIFY_SOCKET`, or undefined where none does. The variable is taken out
 * of `environment`: what the daemon starts has nothing to say there.
 */
export function serviceManager(environment: NodeJS.ProcessEnv, log: Log): ServiceManager | undefined {
  const socket = environment.NOTIFY_SOCKET;
  delete environment.NOTIFY_SOCKET;
  if (!socket) return undefined;
  // One after another, so that they arrive in order.
  let sent: Promise<void> = Promise.resolve();
  const say = (...assignments: string[]) => {
    sent = sent.then(() => notify(socket, environment, assignments, log));
  };
  return {
    ready: (status) => say('READY=1', `STATUS=${status}`),
    status: (status) => say(`STATUS=${status}`),
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    stopping: () => say('STOPPING=1'),
  };
}

/** Resolves when the message was read, or cannot be: then an operator is told. */
function notify(
  socket: string,
  environment: NodeJS.ProcessEnv,
  assignments: readonly string[],
  log: Log,
): Promise<void> {
  return new Promise((resolve) => {
    const failed = (problem: string) => {
      log('warn', `systemd could not be told ${assignments[0]}: ${problem}`);
      resolve();
    };
    const child = spawn('systemd-notify', assignments, {
      // Nothing else of ours: there may be a secret in it.
      env: { PATH: environment.PATH, NOTIFY_SOCKET: socket },
      stdio: 'ignore',
      timeout: MESSAGE_MS,
    });
    child.once('error', (error) => failed(`systemd-notify cannot be run (${error.message})`));
    child.once('exit', (status, signal) => {
      if (status === 0) resolve();
      else failed(`systemd-notify ended with ${signal ?? `exit status ${status}`}`);
    });
  });
}
