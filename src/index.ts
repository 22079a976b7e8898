/** What `import … from 'lockd'` gives: the daemon in process. */
export type { Hold, HoldState, ResourceState, Status } from './core/commands.js';
export { BadParameter, Refusal, type RefusalName } from './core/refusals.js';
export { StartRefused } from './disk/start-refused.js';
export type {
  FileStatus,
  ForceUnlockOptions,
  Health,
  ListOptions,
  LockOptions,
  LockService,
  Stats,
  UnlockOptions,
} from './service/api.js';
export { Lockd } from './service/lockd.js';
export type { LockdOptions } from './service/options.js';
export { Stopped } from './store/port.js';
