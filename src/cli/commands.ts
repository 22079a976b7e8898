/** All commands, in the order of the help. */
import { check } from './check.js';
import type { AnyCommand } from './command.js';
import { confirmFenced } from './confirm-fenced.js';
import { extend } from './extend.js';
import { forceUnlock } from './force-unlock.js';
import { fsck } from './fsck.js';
import { gate } from './gate.js';
import { history } from './history.js';
import { list } from './list.js';
import { lock } from './lock.js';
import { migrate } from './migrate.js';
import { ping } from './ping.js';
import { renew } from './renew.js';
import { run } from './run.js';
import { serve } from './serve.js';
import { stats } from './stats.js';
import { status } from './status.js';
import { unlock } from './unlock.js';
import { update } from './update.js';
import { userAdd, userList, userRemove } from './user.js';
import { watch } from './watch.js';

export const COMMANDS: readonly AnyCommand[] = [
  serve,
  run,
  lock,
  unlock,
  renew,
  extend,
  update,
  check,
  gate,
  status,
  list,
  history,
  watch,
  forceUnlock,
  confirmFenced,
  stats,
  ping,
  fsck,
  migrate,
  userAdd,
  userRemove,
  userList,
];
