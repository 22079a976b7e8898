/** Who leads, as etcd says, looked at all the time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.js';

/** What etcd said at some moment between two. */
export interface Sighting {
  readonly asked: number;
  readonly answered: number;
  /** Names the term; 0: nobody leads. */
  readonly createRevision: number;
  /** The address of the leader. */
  readonly url: string;
}

const EVERY_MS = 100;

/** Milliseconds for an answer; where there is none, it asks again. */
const PATIENCE_MS = 1_000;

/** Looks until it is over; answers what it saw. */
export async function watchLeader(cluster: Cluster, isOver: () => boolean): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  while (!isOver()) {
    const asked = performance.now();
    const leader = await cluster.leader(PATIENCE_MS);
    if (leader) {
      const { createRevision, url } = leader;
      sightings.push({ asked, answered: performance.now(), createRevision, url });
    }
    await sleep(EVERY_MS);
  }
  return sightings;
}
