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
import type { Terminal } from './terminal.js';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Milliseconds for the stop: service managers kill what takes much longer. */
const STOP_MS = 5_000;

/** Starts a daemon, says so, and ends the process with it. Rejects as `startDaemon` does, and never resolves. */
export async function runDaemon(
  options: Omit<DaemonOptions, 'log'>,
  logLevel: LogLevel,
  terminal: Terminal,
): Promise<never> {
  const log = openLog(logLevel, terminal.world.stderr.isTTY === true);
  const daemon = await startDaemon({ ...options, log });
  terminal.answer(greeting(daemon));
  log('info', 'Ready', { urls: daemon.urls, directory: daemon.lockd.directory });
  endAtOnceOnTrouble(daemon, log);
  return stopWhenAsked(daemon, log);
}

function endAtOnceOnTrouble({ lockd }: Daemon, log: Log): void {
  process.prependListener('uncaughtException', (error) => exit(log, DEFECT, defectText(error)));
  void lockd.failed.then((error) => {
    exit(log, REFUSED, `Stopped at once, answering nobody: ${error.message}`);
  });
}

async function stopWhenAsked(daemon: Daemon, log: Log): Promise<never> {
  const signal = await stopSignal();
  log('info', `Stopping on ${signal}; a second one ends at once`);
  for (const again of STOP_SIGNALS) {
    const status = 128 + constants.signals[again];
    process.once(again, () => exit(log, status, `Ended at once by a second ${again}`));
  }
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

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const other of STOP_SIGNALS) process.off(other, stop);
      resolve(signal);
    };
    for (const signal of STOP_SIGNALS) process.on(signal, stop);
  });
}
