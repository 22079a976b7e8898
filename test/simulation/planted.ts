/**
 * Safeties of the program, each with a change of the source that removes it. The simulation must notice every one of them: a
 * safety that nobody misses is not tested. `npm run simulate -- --planted` tries them on a copy.
 */

/** One safety taken away. `replace` must stand in `file` exactly once. */
export interface Planted {
  readonly name: string;
  readonly file: string;
  readonly replace: string;
  readonly by: string;
}

export const PLANTED: readonly Planted[] = [
  {
    name: 'flush',
    file: 'src/store/journal/journal-store.ts',
    replace:
      '      await this.segment.sync();\n    } catch (error) {\n      throw new Stopped(`The journal could not',
    by: '      await Promise.resolve();\n    } catch (error) {\n      throw new Stopped(`The journal could not',
  },
  {
    name: 'look at the epoch',
    file: 'src/disk/epoch.ts',
    replace: 'return !this.disk.exists(this.#nextPath) && this.disk.stat(this.#path)?.inode === this.#inode;',
    by: 'return this.#nextPath !== this.#path && this.#inode >= 0n && this.disk !== undefined;',
  },
  {
    name: 'cut-back after a short write',
    file: 'src/store/journal/segment.ts',
    replace: '      if (!this.#tryCut()) return;\n      await this.#file.sync();',
    by: '      await Promise.resolve();',
  },
  {
    name: 'last look at the waiter',
    file: 'src/service/turns.ts',
    replace: 'grant !== undefined && pending.peer?.isGone === true && !isTold(draft, grant.hold.token);',
    by: 'grant === undefined && pending.peer?.isGone === true && !isTold(draft, 0);',
  },
  {
    name: 'order of journal and answer',
    file: 'src/service/turns.ts',
    replace: '      const saving = this.saving.save(draft, stored);\n',
    by: '      const saving = this.saving.save(draft, stored);\n      for (const outcome of draft.outcomes) this.#answer(outcome, this.#now());\n',
  },
  {
    name: 'standing still of the lease clock',
    file: 'src/service/lease-clock.ts',
    replace: 'this.#stalled += gap >= STOP_MS ? gap : Math.min(gap, now - late);',
    by: 'this.#stalled += 0 * gap;',
  },
  {
    name: 'expiries behind what waits in the sockets',
    file: 'src/service/schedule.ts',
    replace: 'const SOCKET_ROUNDS = 3;',
    by: 'const SOCKET_ROUNDS = 0;',
  },
  {
    name: 'undo of a failed turn',
    file: 'src/service/draft.ts',
    replace: '  for (const takeBack of draft.undos.reverse()) takeBack();',
    by: '  draft.undos.reverse();',
  },
  {
    name: 'rest of a freed slot',
    file: 'src/lock-files/slots.ts',
    replace: 'const REST_MS = 250;',
    by: 'const REST_MS = 0;',
  },
  {
    name: 'token above those in lock files',
    file: 'src/service/upkeep.ts',
    replace: 'table.nextToken = Math.max(table.nextToken, highestToken + 1);',
    by: 'table.nextToken = Math.max(table.nextToken, 0 * highestToken);',
  },
  {
    name: 'our own lock files are not adopted',
    file: 'src/lock-files/foreign.ts',
    replace: "  if (isOwn && highestToken < nextToken) return { kind: 'ours' };",
    by: "  if (isOwn && highestToken < 0 * nextToken) return { kind: 'ours' };",
  },
  {
    name: 'end mark of a snapshot',
    file: 'src/store/journal/recovery.ts',
    replace: '    if (!this.#head || !this.#snapshotComplete) {',
    by: '    if (!this.#head) {',
  },
  {
    name: 'lines behind a bad one',
    file: 'src/store/journal/recovery.ts',
    replace: '    if (this.#firstBad !== undefined) {\n      throw',
    by: '    if (this.#firstBad !== undefined) {\n      return void',
  },
  {
    name: 'flush of the name of a new segment',
    file: 'src/store/journal/segment.ts',
    replace: 'await this.disk.syncDirectory(this.layout.own).catch(',
    by: 'await Promise.resolve().catch(',
  },
  {
    name: 'fence before grant',
    file: 'src/core/rules/unlock.ts',
    replace: "      const fencing: HoldRecord = { ...hold, lost: 'fencing', fence: { tries: 0 } };",
    by: "      const fencing: HoldRecord = { ...hold, lost: 'delayed', fence: { tries: 0 } };",
  },
  {
    name: 'order of the line',
    file: 'src/core/rules/lock.ts',
    replace: 'state.table.holdCount(resource) + placesAhead(state.table, resource) < limit;',
    by: 'state.table.holdCount(resource) + 0 * placesAhead(state.table, resource) < limit;',
  },
  {
    name: 'token of an unlock',
    file: 'src/core/rules/common.ts',
    replace: '(token !== undefined && !sameToken(token, hold.token))) return undefined;',
    by: "(token === '' && !sameToken(token, hold.token))) return undefined;",
  },
  {
    name: 'tenth of the ttl that clients leave',
    file: 'src/client/lease.ts',
    replace: 'const COUNTED_SHARE = 0.9;',
    by: 'const COUNTED_SHARE = 1;',
  },
];
