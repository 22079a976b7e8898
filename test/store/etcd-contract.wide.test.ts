/** The promises of the store on a real etcd: one for all tests, a prefix for each. */
import { onTestFinished } from 'vitest';
import { openGateway } from '../../src/etcd/gateway.js';
import { Keys } from '../../src/store/etcd/keys.js';
import { FaultyKv } from '../etcd/faulty-kv.js';
import { etcdForAll, newPrefix } from '../etcd/shared.js';
import type { EtcdCluster } from '../etcd.js';
import { describeWith } from '../needs.js';
import { testStoreContract } from './contract.js';
import { beginTerm } from './etcd-fixture.js';
import type { StorePlace } from './store-place.js';

describeWith(['etcd'], 'on a real etcd', () => {
  const etcd = etcdForAll();
  testStoreContract('etcd', () => realPlace(etcd()));
});

function realPlace(etcd: EtcdCluster): StorePlace {
  const kv = new FaultyKv(openGateway({ endpoints: etcd.endpoints }));
  onTestFinished(() => kv.close());
  const keys = new Keys(newPrefix());
  const open = async () => (await beginTerm(kv, keys)).store;
  return {
    open,
    // The one before is neither closed nor told.
    openAfterCrash: open,
    refuseNext() {
      kv.reason = 'noSpace';
      kv.next.push('settledNotApplied');
    },
  };
}
