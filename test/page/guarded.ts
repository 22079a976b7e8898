/** A daemon with users and a fence command that does what the test says. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { lockd, type RunningDaemon, serve } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import type { Page } from './browser.js';

const USERS = {
  ci: ['--role', 'client', '--allow', 'deploy/*', '--allow', 'host/*'],
  ops: ['--role', 'operator'],
  eve: ['--role', 'viewer'],
} as const;

export type UserName = keyof typeof USERS;

export interface Guarded extends RunningDaemon {
  readonly usersFile: string;
  readonly secrets: Readonly<Record<UserName, string>>;
  /** The command that fences resources below `host/`; it fails until it may succeed. */
  readonly fenceCommand: string;
  letFencingSucceed(): void;
  /** Who was fenced, in order, each run once: `RESOURCE CLIENT`. */
  readonly fenced: () => readonly string[];
  /** A caller of its own. */
  client(user: UserName, client?: string): LockdClient;
}

export async function guarded(words: readonly string[] = []): Promise<Guarded> {
  const directory = temporaryDirectory();
  const usersFile = join(directory, 'users.json');
  const secrets = { ci: '', ops: '', eve: '' };
  for (const [name, flags] of Object.entries(USERS)) {
    const { stdout } = await lockd(['user', 'add', name, ...flags, '--users', usersFile]);
    secrets[name as UserName] = stdout.trim();
  }
  const permission = join(directory, 'may-succeed');
  const record = join(directory, 'fenced');
  const fenceCommand = join(directory, 'fence-host');
  const script = `#!/bin/sh\ntest -e '${permission}' || { echo 'no answer from the switch' >&2; exit 1; }\necho "$LOCKD_RESOURCE $LOCKD_CLIENT" >>'${record}'\n`;
  writeFileSync(fenceCommand, script, { mode: 0o755 });
  const daemon = await serve(['--users', usersFile, '--fence', `host/*=${fenceCommand}`, ...words]);
  return {
    ...daemon,
    ...{ usersFile, secrets, fenceCommand },
    letFencingSucceed: () => writeFileSync(permission, ''),
    fenced: () => (existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n') : []),
    client: (user, client = user) => clientOf({ url: daemon.url, user, secret: secrets[user], client }),
  };
}

/** A caller that is closed with the test. */
export function clientOf(options: ConstructorParameters<typeof LockdClient>[0]): LockdClient {
  const client = new LockdClient(options);
  onTestFinished(() => client.close());
  return client;
}

/** Fills in the form, and waits for what is behind it. */
export async function signIn(page: Page, user: string, secret: string): Promise<void> {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Secret').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Locks', level: 1 }).waitFor();
}
