/** The files that say how to reach etcd: whom to trust, what to show, and the password. */
import { statSync } from 'node:fs';
import { readConnectionFiles } from '../client/connection-files.js';
import { connectionOptions, type TlsOptions } from '../client/tls-options.js';
import type { StoreFiles } from './cluster-settings.js';
import { flagOrVariable } from './resolve.js';
import { asUsage } from './usage-error.js';

/** What is in the files, and what is not as it should be with them although they work. */
export interface StoreSecrets {
  readonly tls: TlsOptions;
  readonly password?: string;
  readonly warnings: readonly string[];
}

/** Permissions of others than the owner. */
const OTHERS = 0o077;

/** Throws `UsageError` that says which file is wrong, and how. */
export function readStoreFiles({ ca, cert, key, secretFile }: StoreFiles): StoreSecrets {
  return asUsage(() => {
    const { secret: password, tls = {} } = readConnectionFiles({ ca, cert, key, secretFile }, (name) =>
      flagOrVariable(`STORE_${name}`),
    );
    if (password === '') throw new Error(`There is no password in --store-secret-file ${secretFile}`);
    checkTls(tls);
    const warnings = [
      ...openTo(OTHERS, '--store-secret-file', secretFile),
      ...openTo(OTHERS, '--store-key', key),
    ];
    return { tls, ...(password === undefined ? {} : { password }), warnings };
  });
}

function checkTls(tls: TlsOptions): void {
  // One without the other is refused by a look at the flags alone.
  if ((tls.cert === undefined) !== (tls.key === undefined)) return;
  try {
    connectionOptions(tls);
  } catch (error) {
    throw new Error(`--store-${(error as Error).message}`);
  }
}

function openTo(others: number, flag: string, path: string | undefined): string[] {
  if (path === undefined || (statSync(path).mode & others) === 0) return [];
  return [`Others than its owner can read ${flag} ${path}. Close it: chmod 600 ${path}`];
}
