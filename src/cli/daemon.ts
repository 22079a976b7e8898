/**
 * The wiring page: builds a daemon of its parts and decides nothing. Tests build theirs here too, with port 0 and a
 * temporary directory.
 */
import { Users } from '../access/users.js';
import { readUsersFile } from '../access/users-file.js';
import { Refusal } from '../core/refusals.js';
import { connectionRoom } from '../disk/descriptors.js';
import { errorCode } from '../disk/disk.js';
import { openFileLimit } from '../disk/open-file-limit.js';
import { StartRefused } from '../disk/start-refused.js';
import { Access } from '../http/access.js';
import type { ListenAddress } from '../http/addresses.js';
import { MAX_CONNECTIONS } from '../http/limits.js';
import { pageFiles } from '../http/page-files.js';
import { type HttpEvent, type HttpServer, type ListenOptions, listen } from '../http/server.js';
import { Lockd } from '../service/lockd.js';
import type { LockdOptions } from '../service/options.js';
import { Stopped } from '../store/port.js';
import { handleCall } from '../xmlrpc/dispatch.js';
import { DaemonMetrics } from './daemon-metrics.js';
import { defectText } from './defect.js';
import type { Log } from './log.js';
import type { Reload } from './reload.js';

export interface DaemonOptions extends LockdOptions {
  /** Where to listen; port 0 takes any that is free. */
  readonly addresses: readonly ListenAddress[];
  /** Path of the users file; absent: every caller may do everything. */
  readonly users?: string;
  /** How they are served; fewer connections than asked for where there are not enough descriptors. */
  readonly http?: HttpSettings;
  readonly log: Log;
}

/** What the command line has to say of serving HTTP. */
export type HttpSettings = Pick<ListenOptions, 'tls' | 'allowedHosts' | 'maxBodyBytes' | 'maxConnections'>;

/** A daemon that listens. */
export interface Daemon {
  /** Where it listens, with the real ports. */
  readonly urls: readonly string[];
  readonly lockd: Lockd;
  /** Path of the users file, where there is one. */
  readonly users?: string;
  /** What can be read again while it runs. */
  readonly reloads: readonly Reload[];
  /** Answers what is in flight, takes no more, and gives the directory back. */
  close(): Promise<void>;
}

/**
 * Starts a daemon. Rejects with `StartRefused` when the directory or an address cannot be had, and with `UsersError` when
 * the users cannot; the message says what to do, and nothing is left running.
 */
export async function startDaemon(given: DaemonOptions): Promise<Daemon> {
  const { addresses, users, http = {}, ...options } = given;
  const access = users === undefined ? undefined : new Access(readUsers(users));
  const lockd = await openDirectory(options);
  const metrics = new DaemonMetrics(lockd);
  const settings = access ? { ...http, access } : http;
  const server = await startServer(lockd, metrics, addresses, settings, options.log);
  metrics.start(server);
  for (const warning of server.warnings) options.log('warn', warning);
  return {
    urls: server.urls,
    lockd,
    ...(users === undefined ? {} : { users }),
    reloads: [
      ...(access && users !== undefined ? [usersAgain(users, access, server)] : []),
      ...(http.tls ? [{ what: `the certificate ${http.tls.cert}`, run: () => server.reloadTls() }] : []),
    ],
    async close() {
      // Nobody new is let in; then who waits is told, without which their connections would be waited for.
      const answered = server.close();
      await lockd.close();
      await answered;
      metrics.stop();
    },
  };
}

function readUsers(path: string): Users {
  return new Users(readUsersFile(path, 'own'));
}

/** Who is no user any more must not be granted what it still waits for. */
function usersAgain(path: string, access: Access, server: HttpServer): Reload {
  const run = () => {
    access.replaceUsers(readUsers(path));
    server.cutStrangers();
    return [];
  };
  return { what: `the users file ${path}`, run };
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

async function startServer(
  lockd: Lockd,
  metrics: DaemonMetrics,
  addresses: readonly ListenAddress[],
  http: HttpSettings & Pick<ListenOptions, 'access'>,
  log: Log,
): Promise<HttpServer> {
  const told = {
    onInternalError: (error: unknown, method: string) => log('error', defectText(error), { method }),
    onDenied: (text: string, from: string) => {
      metrics.denied();
      log('info', 'Denied a call', { from, text });
    },
  };
  try {
    return await listen({
      ...http,
      maxConnections: connectionsFor(http.maxConnections, log),
      service: lockd,
      events: lockd,
      id: lockd.id,
      handleCall: (body, charset, service, context) =>
        handleCall(body, charset, service, Object.assign(context, told)),
      addresses,
      pages: new Map([...pageFiles(http.access !== undefined), ['/metrics', metrics.page]]),
      log: (event) => {
        metrics.note(event);
        log(...recordOf(event));
      },
    });
  } catch (error) {
    await lockd.close();
    throw new StartRefused((error as Error).message, { cause: error });
  }
}

/** As many as asked for, or as the descriptors of this process leave room for. */
function connectionsFor(asked: number | undefined, log: Log): number {
  const openFiles = openFileLimit();
  const room = connectionRoom(openFiles);
  if (asked !== undefined && asked > room) {
    log(
      'warn',
      `Of --max-connections ${asked} only ${room} are possible: this process may have ${openFiles} files open. ` +
        'Raise that limit (ulimit -n, or LimitNOFILE= of systemd)',
    );
  }
  return Math.min(asked ?? MAX_CONNECTIONS, room);
}

function recordOf(event: HttpEvent): Parameters<Log> {
  switch (event.event) {
    case 'requestRefused':
      return ['info', 'Refused a request', { from: event.from, status: event.status, text: event.text }];
    case 'callFailed':
      return ['error', defectText(event.error), { from: event.from }];
    case 'streamCut':
      return ['info', 'Cut off a reader of events', { from: event.from, reason: event.reason }];
    case 'acceptFailed':
      return ['error', `A connection cannot be accepted: ${event.error.message}`];
    case 'connectionsFull':
      return [
        'warn',
        `${event.max} connections are open, the most allowed (--max-connections): new ones are turned away`,
      ];
  }
}
