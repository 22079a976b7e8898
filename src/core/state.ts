/** What the rules look at: the records, the leases, which waiting clients are there, and how much is allowed. */
import type { Now } from './commands.js';
import type { Leases } from './leases.js';
import type { Limits } from './limits.js';
import type { PlaceRecord } from './records.js';
import type { LockTable } from './table.js';

/** Which places have a client that waits on an open call. No record: connections do not outlive the daemon. */
export interface OpenCalls {
  /** Somebody is there to receive the hold. */
  has(place: PlaceRecord): boolean;
  /** Nobody was there for the whole claim time of the place. */
  isAbandoned(place: PlaceRecord, now: Now): boolean;
}

export interface State {
  readonly table: LockTable;
  readonly leases: Leases;
  readonly calls: OpenCalls;
  readonly limits: Limits;
}
