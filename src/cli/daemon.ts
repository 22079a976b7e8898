/**
 * The wiring page: builds a daemon of its parts and decides nothing. Tests build theirs here too, with port 0 and a
 * temporary directory.
 */
import { Users } from '../access/users.js';
import { readUsersFile } from '../access/users-file.js';
import { connectionRoom } from '../disk/descriptors.js';
import { openFileLimit } from '../disk/open-file-limit.js';
import { StartRefused } from '../disk/start-refused.js';
import { Access } from '../http/access.js';
import type { ListenAddress } from '../http/addresses.js';
import { MAX_CONNECTIONS } from '../http/limits.js';
import { pageFiles } from '../http/page-files.js';
import { type HttpEvent, type HttpServer, type ListenOptions, listen } from '../http/server.js';
import { handleCall } from '../xmlrpc/dispatch.js';
import { DaemonMetrics } from './daemon-metrics.js';
import { defectText } from './defect.js';
import type { Log } from './log.js';
import type { Reload } from './reload.js';
import { openServed, type Served, type ServedOptions } from './served.js';

export interface DaemonOptions extends ServedOptions {
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
export interface Daemon extends Served {
  /** Where it listens, with the real ports. */
  readonly urls: readonly string[];
  /** Path of the users file, where there is one. */
  readonly users?: string;
  /** What can be read again while it runs. */
  readonly reloads: readonly Reload[];
  /** Answers what is in flight, takes no more, and gives the directory back. */
  close(): Promise<void>;
}

/**
 * Starts a daemon; a member of a cluster stands for leader from then on. Rejects with `StartRefused` when the directory or an address cannot be had, and with `UsersError` when
 * the users cannot; the message says what to do, and nothing is left running.
 */
export async function startDaemon(given: DaemonOptions): Promise<Daemon> {
  const { addresses, users, http = {}, ...options } = given;
  const access = users === undefined ? undefined : new Access(readUsers(users));
  const served = await openServed(options);
  const metrics = new DaemonMetrics(served);
  const settings = access ? { ...http, access } : http;
  const server = await startServer(served, metrics, addresses, settings, options.log);
  metrics.start(server);
  for (const warning of server.warnings) options.log('warn', warning);
  // Not before: whoever leads is called.
  served.member?.stand();
  return {
    ...served,
    urls: server.urls,
    ...(users === undefined ? {} : { users }),
    reloads: [
      ...(access && users !== undefined ? [usersAgain(users, access, server)] : []),
      ...(http.tls ? [{ what: `the certificate ${http.tls.cert}`, run: () => server.reloadTls() }] : []),
    ],
    async close() {
      // Nobody new is let in; then who waits is told, without which their connections would be waited for.
      const answered = server.close();
      await served.lockd.close();
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

async function startServer(
  { lockd, member }: Served,
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
      ...(member ? { member } : {}),
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
