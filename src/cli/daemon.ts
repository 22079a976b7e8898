/**
 * The wiring page: builds a daemon of its parts and decides nothing. Tests build theirs here too, with port 0 and a
 * temporary directory.
 */
import { Refusal } from '../core/refusals.js';
import { errorCode } from '../disk/disk.js';
import { StartRefused } from '../disk/start-refused.js';
import type { ListenAddress } from '../http/addresses.js';
import { type HttpEvent, type HttpServer, listen } from '../http/server.js';
import { Lockd } from '../service/lockd.js';
import type { LockdOptions } from '../service/options.js';
import { Stopped } from '../store/port.js';
import { handleCall } from '../xmlrpc/dispatch.js';
import { defectText } from './defect.js';
import type { Log } from './log.js';

export interface DaemonOptions extends LockdOptions {
  /** Where to listen; port 0 takes any that is free. */
  readonly addresses: readonly ListenAddress[];
  readonly log: Log;
}

/** A daemon that listens. */
export interface Daemon {
  /** Where it listens, with the real ports. */
  readonly urls: readonly string[];
  readonly lockd: Lockd;
  /** Answers what is in flight, takes no more, and gives the directory back. */
  close(): Promise<void>;
}

/**
 * Starts a daemon. Rejects with `StartRefused` when the directory or an address cannot be had; the message says what
 * to do, and nothing is left running.
 */
export async function startDaemon({ addresses, ...options }: DaemonOptions): Promise<Daemon> {
  const lockd = await openDirectory(options);
  const server = await startServer(lockd, addresses, options.log);
  return {
    urls: server.urls,
    lockd,
    async close() {
      // Nobody new is let in; then who waits is told, without which their connections would be waited for.
      const answered = server.close();
      await lockd.close();
      await answered;
    },
  };
}

async function openDirectory(options: LockdOptions): Promise<Lockd> {
  try {
    return await Lockd.open(options);
  } catch (error) {
    if (!isTrouble(error)) throw error;
    throw new StartRefused(
      `lockd cannot start in ${options.directory}: ${error.message}. ` +
        'What is locked there stays locked. Make room or mend the disk, then start it again',
      { cause: error },
    );
  }
}

/** The disk does not do what it is asked, which is no defect of ours. */
function isTrouble(error: unknown): error is Error {
  return error instanceof Refusal || error instanceof Stopped || errorCode(error) !== undefined;
}

async function startServer(lockd: Lockd, addresses: readonly ListenAddress[], log: Log): Promise<HttpServer> {
  const onInternalError = (error: unknown, method: string) => log('error', defectText(error), { method });
  try {
    return await listen({
      service: lockd,
      id: lockd.id,
      handleCall: (body, charset, service, context) =>
        handleCall(body, charset, service, Object.assign(context, { onInternalError })),
      addresses,
      log: (event) => log(...recordOf(event)),
    });
  } catch (error) {
    await lockd.close();
    throw new StartRefused((error as Error).message, { cause: error });
  }
}

function recordOf(event: HttpEvent): Parameters<Log> {
  switch (event.event) {
    case 'requestRefused':
      return ['info', 'Refused a request', { from: event.from, status: event.status, text: event.text }];
    case 'callFailed':
      return ['error', defectText(event.error), { from: event.from }];
    case 'acceptFailed':
      return ['error', `A connection cannot be accepted: ${event.error.message}`];
  }
}
