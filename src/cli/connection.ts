/** The settings by which commands reach a daemon, and who they are to it. */
import { LockdClient, type LockdClientOptions } from '../client/client.js';
import { callerName, underUser } from '../client/client-name.js';
import { readConnectionFiles } from '../client/connection-files.js';
import { Credentials } from '../client/credentials.js';
import {
  type Addresses,
  mayHaveCredentials,
  readDaemonUrls,
  urlText,
  withoutCredentials,
} from '../client/daemon-url.js';
import { connectionOptions, type TlsOptions } from '../client/tls-options.js';
import { flagOrVariable } from './resolve.js';
import { optional, repeated, type ValuesOf } from './setting.js';
import { lockdCommand } from './shell.js';
import type { Terminal, World } from './terminal.js';
import { asUsage, UsageError } from './usage-error.js';
import { text } from './values.js';

/** Where `lockd serve` listens unless told otherwise. */
export const DEFAULT_URL = 'http://127.0.0.1:7420';

const ADDRESSES = repeated('URL', 'the daemon; several addresses are one cluster', text, DEFAULT_URL);

/** Which daemon, and as which of its users. */
export const CONNECTION = {
  url: {
    ...ADDRESSES,
    read: (texts: readonly string[] | undefined) => addresses(ADDRESSES.read(texts)),
    checkFlag: (texts: readonly string[]) => {
      if (texts.some(mayHaveCredentials)) throw new UsageError(NO_SECRET);
    },
  },
  user: optional('NAME', 'as which user of the daemon', text),
  secretFile: optional('FILE', "the user's secret is in it", text),
  ca: optional(
    'FILE',
    'for https: the authority that is trusted, instead of those of the system (PEM)',
    text,
  ),
  cert: optional('FILE', 'for https: the certificate to show (PEM)', text),
  key: optional('FILE', 'its private key (PEM)', text),
};

const NO_SECRET =
  'must not carry a user and a secret, which everybody sees in the list of processes: set LOCKD_URL, or --user and ' +
  '--secret-file';

/** The values of `CONNECTION`. */
export type Connection = ValuesOf<typeof CONNECTION>;

/** Who calls. */
export const IDENTITY = {
  client: optional('NAME', 'who locks (default: user@host, in a CI job user@host:JOB)', text),
};

/** One text may name several, as the variable does. */
function addresses(given: readonly string[]): Addresses {
  return asUsage(() => readDaemonUrls(given.join(',')));
}

/** Three tries to reach a daemon, which take 10 s where connections time out; a cluster has 15 s to find another leader. */
const PATIENCE = { connectTimeout: 2, retry: { attempts: 3, delay: 1, factor: 3, jitter: 0, failover: 15 } };

/** A client of that daemon, as patient as asked. Throws `UsageError`. */
export function connect(connection: Connection, options: LockdClientOptions): LockdClient {
  const credentials = asUsage(() => credentialsOf(connection));
  const tls = asUsage(() => tlsOf(connection));
  return new LockdClient({
    ...options,
    urls: connection.url.urls,
    ...(credentials ? { user: credentials.user, secret: credentials.secret() } : {}),
    ...(tls ? { tls } : {}),
  });
}

function credentialsOf({ url, user, secretFile }: Connection): Credentials | undefined {
  if ((user === undefined) !== (secretFile === undefined))
    throw new Error(
      '--user and --secret-file belong together (LOCKD_USER, LOCKD_SECRET_FILE): give both, or none',
    );
  if (user === undefined) return url.credentials;
  if (url.credentials)
    throw new Error('The address names a user, and so does --user or LOCKD_USER: leave one of them out');
  const { secret = '' } = readConnectionFiles({ secretFile }, flagOrVariable);
  try {
    return new Credentials(user, secret);
  } catch (error) {
    throw new Error(`--user with --secret-file ${messageOf(error)}`);
  }
}

function tlsOf({ ca, cert, key }: Connection): TlsOptions | undefined {
  const { tls } = readConnectionFiles({ ca, cert, key }, flagOrVariable);
  try {
    connectionOptions(tls ?? {});
  } catch (error) {
    throw new Error(`--${messageOf(error)}`);
  }
  return tls;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs `task` with a client of this name, by default one of this process, and lets its connection go. */
export async function withClient<T>(
  connection: Connection,
  task: (client: LockdClient) => Promise<T>,
  name?: string,
): Promise<T> {
  const client = connect(connection, { ...PATIENCE, ...(name === undefined ? {} : { client: name }) });
  try {
    return await task(client);
  } finally {
    client.close();
  }
}

/** The same for a single call, as who the caller says it is, or by default. */
export function withCaller<T>(
  settings: Connection & ValuesOf<typeof IDENTITY>,
  { world }: Terminal,
  task: (client: LockdClient) => Promise<T>,
): Promise<T> {
  const user = settings.user ?? settings.url.credentials?.user;
  return withClient(settings, task, settings.client ?? underUser(user, callerName(world.environment)));
}

/** A command line to copy that talks to the daemon at these addresses. */
export function commandFor(
  urls: readonly URL[],
  name: string,
  words: readonly string[] = [],
  options: readonly string[] = [],
): string {
  const addresses = urls.map(urlText).join(',');
  const address = addresses === DEFAULT_URL ? [] : ['--url', addresses];
  return lockdCommand(name, words, [...address, ...options]);
}

/** What a command of ours inherits: the address, but not the user and the secret in it. */
export function inherited({
  LOCKD_URL: url = '',
  ...environment
}: World['environment']): World['environment'] {
  const plain = withoutCredentials(url);
  return plain ? { ...environment, LOCKD_URL: plain } : environment;
}
