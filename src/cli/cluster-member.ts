/** Makes a daemon a member of a cluster: reads the files that its settings name, and reaches etcd. */
import { Member } from '../service/member.js';
import type { ClusterSettings } from './cluster-settings.js';
import type { Membership, Served, ServedOptions } from './served.js';
import { openStoreGateway } from './store-gateway.js';
import { whileAlive } from './while-alive.js';

/** Rejects as `Member.open` does, and with a `UsageError` where a file is not what it should be. */
export async function openMember(
  { store, files, url }: ClusterSettings,
  options: Omit<ServedOptions, 'cluster'>,
): Promise<Served> {
  const kv = openStoreGateway({ store, files }, (warning) => options.log?.('warn', warning));
  const lockd = await whileAlive(
    Member.open({ ...options, kv, store: store.text, prefix: store.prefix, url }),
  );
  const member: Membership = {
    url: lockd.url,
    store: store.text,
    get leader() {
      return lockd.leader;
    },
    stand: () => lockd.stand(),
  };
  return { lockd, member };
}
