/** The way to etcd that settings describe: their files are read here. */
import { openGateway } from '../etcd/gateway.js';
import type { Kv } from '../etcd/kv.js';
import { Keys } from '../store/etcd/keys.js';
import { readStoreFiles } from './cluster-files.js';
import type { StoreSettings } from './cluster-settings.js';

/** Throws `UsageError` where a file is not what it should be; `warn` hears what is not as it should be although it works. */
export function openStoreGateway({ store, files }: StoreSettings, warn: (warning: string) => void): Kv {
  const { tls, password, warnings } = readStoreFiles(files);
  for (const warning of warnings) warn(warning);
  const { endpoints, user } = store;
  const credentials = user === undefined || password === undefined ? undefined : { user, password };
  // Where etcd asks who calls, we may read nothing but what is ours.
  const readableKey = new Keys(store.prefix).probe;
  return openGateway({ endpoints, tls, readableKey, ...(credentials ? { credentials } : {}) });
}
