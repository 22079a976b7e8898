/** What `import … from 'lockd'` gives: a client of a daemon, and the daemon in process. */
export type { DaemonStats } from './client/answers.js';
export {
  type Abortable,
  type AcquireOptions,
  LockdClient,
  type LockdClientOptions,
  type QueueOptions,
} from './client/client.js';
export {
  AnotherCluster,
  NoDaemon,
  NotLockd,
  OutcomeUnknown,
  RefusedCall,
  Unauthorized,
} from './client/errors.js';
export type { ClientEventsOptions, StreamItem } from './client/events.js';
export type { HeldLock } from './client/held-lock.js';
export { LockLost } from './client/lock-lost.js';
export type { Address } from './client/options.js';
export type { QueuedLock, QueueWaitOptions } from './client/queued-lock.js';
export type { RetryOptions } from './client/retry.js';
export { crc32Shard, type ShardOf } from './client/shards.js';
export type { TlsOptions } from './client/tls-options.js';
export type {
  Enqueued,
  Fence,
  Hold,
  HoldState,
  Place,
  ResourceState,
  Status,
} from './core/answers.js';
export type { EventName } from './core/records.js';
export { BadParameter, Refusal, type RefusalName } from './core/refusals.js';
export { StartRefused } from './disk/start-refused.js';
export type {
  CallContext,
  ConfirmFencedOptions,
  EnqueueOptions,
  EventKind,
  EventNotice,
  EventsOptions,
  ExtendOptions,
  FileStatus,
  ForceUnlockOptions,
  Health,
  HistoryEvent,
  HistoryOptions,
  ListOptions,
  LockEvent,
  LockOptions,
  LockService,
  Peer,
  Readiness,
  RenewOptions,
  Stats,
  TokenOptions,
  UnlockOptions,
  UpdateOptions,
  WaitOptions,
} from './service/api.js';
export type { EventStream } from './service/event-stream.js';
export { FellBehind } from './service/feed-following.js';
export { Lockd } from './service/lockd.js';
export type { LockdOptions } from './service/options.js';
export { Stopped } from './store/port.js';
