/** The settings by which commands reach a daemon, and who they are to it. */
import { LockdClient } from '../client/client.js';
import { callerName } from '../client/client-name.js';
import { readDaemonUrl, urlText } from '../client/daemon-url.js';
import { optional, withDefault } from './setting.js';
import { lockdCommand } from './shell.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { text } from './values.js';

/** Where `lockd serve` listens unless told otherwise. */
export const DEFAULT_URL = 'http://127.0.0.1:7420';

/** Which daemon. */
export const CONNECTION = {
  url: withDefault('URL', 'the daemon', daemonUrl, DEFAULT_URL),
};

/** Who calls. */
export const IDENTITY = {
  client: optional('NAME', 'who locks (default: user@host, in a CI job user@host:JOB)', text),
};

function daemonUrl(given: string): URL {
  try {
    return readDaemonUrl(given);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Three tries to reach a daemon, which take 10 s where connections time out. */
const PATIENCE = { connectTimeout: 2, retry: { attempts: 3, delay: 1, factor: 3, jitter: 0 } };

/** Runs `task` with a client, and lets its connection go. */
export async function withClient<T>(
  options: { readonly url: URL; readonly client?: string },
  task: (client: LockdClient) => Promise<T>,
): Promise<T> {
  const client = new LockdClient({ ...PATIENCE, ...options });
  try {
    return await task(client);
  } finally {
    client.close();
  }
}

/** Who the caller is: as it says, or by default. */
export function identify(given: string | undefined, terminal: Terminal): string {
  return given ?? callerName(terminal.world.environment);
}

/** A command line to copy that talks to this daemon. */
export function commandFor(
  url: URL,
  name: string,
  words: readonly string[] = [],
  options: readonly string[] = [],
): string {
  const address = urlText(url) === DEFAULT_URL ? [] : ['--url', urlText(url)];
  return lockdCommand(name, words, [...address, ...options]);
}
