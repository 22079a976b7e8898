/** What is kept no longer. */
import type { ForgetCommand, Now } from '../commands.js';
import type { Answered } from '../decision.js';
import { ENDED_KEPT_SECONDS, MAX_LOST_KEPT } from '../limits.js';
import type { Change, LostRecord } from '../records.js';
import type { State } from '../state.js';
import { isForgotten } from './common.js';

/** So that one command never makes a turn too long; the next one goes on. */
const MAX_FORGOTTEN = 900;

/** Drops losses after a day, or the oldest where there are too many, and keys of unlocked holds after a minute. Answers how many. */
export function decideForget({ table }: State, command: ForgetCommand, now: Now): Answered<number> {
  const atMost = Math.min(MAX_FORGOTTEN, command.atMost ?? MAX_FORGOTTEN);
  const changes: Change[] = [];
  let tooMany = table.lostCount - MAX_LOST_KEPT;
  for (const lost of tooMany > 0 ? oldestFirst(table.allLost()) : table.allLost()) {
    if (changes.length >= atMost) break;
    const isOver = table.hold(lost.resource, lost.client)?.token !== lost.token;
    tooMany -= 1;
    if (!isForgotten(table, lost, now) && !(tooMany >= 0 && isOver)) continue;
    const { kind, resource, client, token } = lost;
    changes.push({ time: now.time, resource, client, token, remove: [{ kind, resource, client, token }] });
  }
  for (const { kind, resource, client, request, time } of table.allEnded()) {
    if (changes.length >= atMost) break;
    if ((now.steady ?? now.time) - time <= ENDED_KEPT_SECONDS * 1_000) continue;
    changes.push({
      time: now.time,
      resource,
      client,
      token: 0,
      remove: [{ kind, resource, client, request }],
    });
  }
  return { answer: changes.length, changes };
}

/** The table has them by client and resource, which is soon done where none is too many. */
function oldestFirst(losses: Iterable<LostRecord>): LostRecord[] {
  return [...losses].sort((a, b) => a.time - b.time || a.token - b.token);
}
