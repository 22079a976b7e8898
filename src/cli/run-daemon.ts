/**
 * The life of the daemon's process, and how it ends: in good order when it is asked to; at once when storage is in
 * doubt, because whatever it still answered could be wrong; with one line when there is a defect.
 */
import { constants } from 'node:os';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.js';
import { defectText } from './defect.js';
import { DEFECT, DONE, REFUSED } from './exit-status.js';
import { greeting } from './greeting.js';
import { type Log, openLog } from './log.js';
import type { LogLevel } from './log-level.js';
import { reloadAll } from './reload.js';
import { type ServiceManager, serviceManager } from './service-manager.js';
import type { Terminal } from './terminal.js';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Milliseconds for the stop: service managers kill what takes much longer. */
const STOP_MS = 5_000;

/** Milliseconds in which the same signal is no second one: `timeout` sends it to the process and to its group. */
const REPEAT_MS = 500;

/** Starts a daemon, says so, and ends the process with it. Rejects as `startDaemon` does, and never resolves. */
export async function runDaemon(
  options: Omit<DaemonOptions, 'log'>,
  logLevel: LogLevel,
  terminal: Terminal,
  warnings: readonly string[] = [],
): Promise<never> {
  const log = openLog(logLevel, terminal.world.stderr.isTTY === true);
  for (const warning of warnings) log('warn', warning);
  const manager = serviceManager(process.env, log);
  const serving = reloadWhenAsked(options, manager, log);
  let isReady = false;
  const onLeader = () => {
    if (isReady) manager?.status(statusOf(daemon));
  };
  const daemon = await startDaemon({ ...options, log, onLeader });
  terminal.answer(greeting(daemon));
  log('info', 'Ready', {
    urls: daemon.urls,
    directory: daemon.lockd.directory,
    ...(daemon.member ? { url: daemon.member.url, store: daemon.member.store } : {}),
  });
  endAtOnceOnTrouble(daemon, log);
  manager?.ready(statusOf(daemon));
  isReady = true;
  serving(daemon);
  return stopWhenAsked(daemon, manager, log);
}

function endAtOnceOnTrouble({ lockd }: Daemon, log: Log): void {
  process.prependListener('uncaughtException', (error) => exit(log, DEFECT, defectText(error)));
  void lockd.failed.then((error) => {
    exit(log, REFUSED, `Stopped at once, answering nobody: ${error.message}`);
  });
}

/**
 * Reads again what can be, on SIGHUP, once the daemon is there: what came before is done then. Without anything to read
 * again, SIGHUP ends the process as it always did: the terminal was closed. Not so under a service manager, which has none
 * to close.
 *
 * @returns what is to be called when the daemon serves.
 */
function reloadWhenAsked(
  { users, http }: Pick<DaemonOptions, 'users' | 'http'>,
  manager: ServiceManager | undefined,
  log: Log,
): (daemon: Daemon) => void {
  let reload: (() => void) | undefined;
  let isAskedEarly = false;
  if (users !== undefined || http?.tls || manager) {
    process.on('SIGHUP', () => {
      if (reload) reload();
      else isAskedEarly = true;
    });
  }
  return (daemon) => {
    reload = () => {
      manager?.reloading();
      reloadAll(daemon.reloads, log);
      manager?.ready(statusOf(daemon));
    };
    if (isAskedEarly) reload();
  };
}

/** One line for `systemctl status`. A member of a cluster is as ready while it follows: its time may come at any moment. */
function statusOf({ urls, member }: Daemon): string {
  const listens = `Listens at ${urls.join(' and ')}`;
  if (!member) return listens;
  const { isUs, url } = member.leader;
  if (isUs) return `Leader. ${listens}`;
  return `Follower of ${url ?? 'nobody: there is no leader at present'}. ${listens}`;
}

async function stopWhenAsked(daemon: Daemon, manager: ServiceManager | undefined, log: Log): Promise<never> {
  const signal = await stopSignal(log);
  manager?.stopping();
  log('info', `Stopping on ${signal}; a second one ends at once`);
  const late = `Still not stopped after ${STOP_MS / 1_000} s; ended. What was answered is saved`;
  setTimeout(() => exit(log, REFUSED, late), STOP_MS);
  await daemon.close();
  return exit(log, DONE, 'Stopped');
}

/** Ends the process; nothing that is still open can hold it back. */
function exit(log: Log, status: number, message: string): never {
  log(status === DONE ? 'info' : 'error', message);
  process.exit(status);
}

/** Resolves with the first signal to stop. The listeners stay: without any, a second signal would kill. */
function stopSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: { readonly signal: NodeJS.Signals; readonly time: number } | undefined;
    const stop = (signal: (typeof STOP_SIGNALS)[number]) => {
      if (!first) {
        first = { signal, time: performance.now() };
        resolve(signal);
        return;
      }
      if (signal === first.signal && performance.now() - first.time < REPEAT_MS) return;
      exit(log, 128 + constants.signals[signal], `Ended at once by a second ${signal}`);
    };
    for (const signal of STOP_SIGNALS) process.on(signal, () => stop(signal));
  });
}
