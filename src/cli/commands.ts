/** All commands, in the order of the help. */
import type { AnyCommand } from './command.js';
import { forceUnlock } from './force-unlock.js';
import { fsck } from './fsck.js';
import { list } from './list.js';
import { lock } from './lock.js';
import { ping } from './ping.js';
import { serve } from './serve.js';
import { stats } from './stats.js';
import { status } from './status.js';
import { unlock } from './unlock.js';

export const COMMANDS: readonly AnyCommand[] = [
  serve,
  lock,
  unlock,
  status,
  list,
  forceUnlock,
  stats,
  ping,
  fsck,
];
