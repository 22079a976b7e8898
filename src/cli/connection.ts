/** The settings by which commands reach a daemon, and who they are to it. */
import { LockdClient } from '../client/client.js';
import { callerName } from '../client/client-name.js';
import { readDaemonUrl } from '../client/daemon-url.js';
import { optional, withDefault } from './setting.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { text } from './values.js';

export const DEFAULT_URL = 'http://127.0.0.1:7420';

export const CONNECTION = {
  url: withDefault('URL', 'the daemon', daemonUrl, DEFAULT_URL),
};

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

/** Runs `task` with a client, and lets its connection go. */
export async function withClient<T>(
  options: { readonly url: URL; readonly client?: string },
  task: (client: LockdClient) => Promise<T>,
): Promise<T> {
  const client = new LockdClient(options);
  try {
    return await task(client);
  } finally {
    client.close();
  }
}

/** Who locks: the word behind the resource, or --client, or the default. Throws `UsageError` where two are named. */
export function identify(word: string | undefined, setting: string | undefined, terminal: Terminal): string {
  if (word === undefined) return setting ?? callerName(terminal.world.environment);
  if (setting !== undefined && setting !== word) {
    throw new UsageError(`The client is named twice: '${word}', and '${setting}' by --client or LOCKD_CLIENT`);
  }
  return text(word);
}
