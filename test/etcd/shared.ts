/** One real etcd for all tests of a suite, each of which has a prefix of its own. */
import { afterAll, beforeAll } from 'vitest';
import { experiment } from '../at-last.js';
import { type EtcdCluster, type EtcdSettings, startEtcd } from '../etcd.js';

/** To be called in a `describe`; what it answers is to be called in a test. */
export function etcdForAll(settings: EtcdSettings = {}): () => EtcdCluster {
  let cluster: EtcdCluster | undefined;
  let end: () => void = () => undefined;
  let ended: Promise<void> | undefined;
  beforeAll(async () => {
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    await new Promise<void>((resolve, reject) => {
      ended = experiment(async () => {
        cluster = await startEtcd(settings);
        resolve();
        await over;
      });
      ended.catch(reject);
    });
  });
  afterAll(async () => {
    end();
    await ended;
  });
  return () => {
    if (!cluster) throw new Error('there is an etcd inside of tests only');
    return cluster;
  };
}

let prefixes = 0;

/** One that no other test of this file has. */
export function newPrefix(): string {
  prefixes += 1;
  return `/test-${prefixes}`;
}
