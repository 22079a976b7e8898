/** What `lockd migrate` does: reaches etcd as its settings say, and moves there. */
import { type MigrateOptions, type Migration, migrateDirectory } from '../service/migrate.js';
import type { ClusterGiven } from './cluster-flags.js';
import { readStoreSettings } from './cluster-settings.js';
import type { Problems } from './problems.js';
import { openStoreGateway } from './store-gateway.js';
import { whileAlive } from './while-alive.js';

/** Rejects as `migrateDirectory` does, and with a `UsageError` where the settings are not what they should be. */
export async function moveToStore(
  given: Omit<ClusterGiven, 'advertiseUrl'> & { readonly store: string },
  options: Omit<MigrateOptions, 'kv' | 'store' | 'prefix'> & Required<Pick<MigrateOptions, 'progress'>>,
  problems: Problems,
): Promise<Migration> {
  const settings = readStoreSettings(given, problems);
  problems.throwAny();
  // What is undefined was noted.
  const { store, files } = settings as NonNullable<typeof settings>;
  const kv = openStoreGateway({ store, files }, options.progress);
  try {
    return await whileAlive(migrateDirectory({ ...options, kv, store: store.text, prefix: store.prefix }));
  } finally {
    kv.close();
  }
}
