/** What the settings of a member of a cluster mean together, and what contradicts itself. Reads no file. */
import { readStoreUrl, type StoreUrl } from '../etcd/store-url.js';
import { advertisedUrl, type Whereabouts } from './advertised-url.js';
import type { ClusterGiven } from './cluster-flags.js';
import type { Problems } from './problems.js';
import { asUsage, UsageError } from './usage-error.js';

/** Where what is locked is kept, and how to get in there. */
export interface StoreSettings {
  readonly store: StoreUrl;
  readonly files: StoreFiles;
}

/** How a daemon is a member of a cluster. */
export interface ClusterSettings extends StoreSettings {
  /** Where clients reach the daemon; without a slash at its end. */
  readonly url: string;
}

/** Paths. */
export interface StoreFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly secretFile: string | undefined;
}

type Given = ClusterGiven & Omit<Whereabouts, 'advertiseUrl'>;

/** Undefined where something is wrong, which is noted. */
export function readCluster(
  given: Given & { readonly store: string },
  problems: Problems,
): ClusterSettings | undefined {
  const url = problems.try(() => advertisedUrl(given));
  const settings = readStoreSettings(given, problems);
  return settings && url !== undefined ? { ...settings, url } : undefined;
}

/** Undefined where something is wrong, which is noted. */
export function readStoreSettings(
  given: Omit<ClusterGiven, 'advertiseUrl'> & { readonly store: string },
  problems: Problems,
): StoreSettings | undefined {
  const store = problems.try(() => readStore(given.store));
  const { storeCa: ca, storeCert: cert, storeKey: key, storeSecretFile: secretFile } = given;
  const files = { ca, cert, key, secretFile };
  if (!store) return undefined;
  problems.try(() => checkFiles(store, files));
  return { store, files };
}

function readStore(given: string): StoreUrl {
  return asUsage(() => readStoreUrl(given));
}

/** Throws `UsageError` where only some of what belongs together is given. */
function checkFiles({ user, encrypts }: StoreUrl, { ca, cert, key, secretFile }: StoreFiles): void {
  const wrong: string[] = [];
  const isForTls = ca !== undefined || cert !== undefined || key !== undefined;
  if (isForTls && !encrypts)
    wrong.push('--store-ca, --store-cert and --store-key are for TLS: write --store etcds://...');
  if ((cert === undefined) !== (key === undefined))
    wrong.push('--store-cert and --store-key belong together: give both, or none');
  if (user !== undefined && secretFile === undefined)
    wrong.push(`--store names the user ${user} of etcd: give --store-secret-file FILE, with its password`);
  if (user === undefined && secretFile !== undefined)
    wrong.push(
      '--store-secret-file is the password of a user: name it, as in --store etcd://USER@HOST:PORT/PREFIX',
    );
  if (wrong.length > 0) throw new UsageError(...wrong);
}
