import { testStoreContract } from './contract.js';
import { FakePrefix } from './etcd-fixture.js';
import type { StorePlace } from './store-place.js';

testStoreContract('etcd in memory', fakePlace);

function fakePlace(): StorePlace {
  const prefix = new FakePrefix();
  const open = async () => (await prefix.begin()).store;
  return {
    open,
    openAfterCrash: open,
    refuseNext() {
      prefix.kv.reason = 'noSpace';
      prefix.kv.next.push('settledNotApplied');
    },
  };
}
