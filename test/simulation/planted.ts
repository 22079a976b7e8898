/**
 * Safeties of the program, each with a change of the source that removes it. The simulation must notice every one of them: a
 * safety that nobody misses is not tested. `npm run simulate -- --planted` tries them on a copy.
 */

/** One safety taken away. Each `replace` must stand in its `file` exactly once. */
export interface Planted extends Patch {
  readonly name: string;
  /** Where one safety is kept in several places. */
  readonly also?: readonly Patch[];
  /** Of members on etcd; absent: of a daemon in a directory. */
  readonly isOfCluster?: boolean;
}

export interface Patch {
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
    replace: '    if (this.#bad.firstLine !== undefined) {\n      throw',
    by: '    if (this.#bad.firstLine !== undefined) {\n      return void',
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
  {
    name: 'settling of a turn that was not answered',
    isOfCluster: true,
    file: 'src/store/etcd/turn-writer.ts',
    replace:
      "      const happened = error.fate === 'settled' ? await this.#look(next) : await this.#settle(next, compare);\n      return happened ? undefined : error;",
    by: "      return (await this.#look(next)) ? undefined : new KvError(error.message, 'settled', 'noSpace');",
  },
  {
    name: 'no turn is sent again blindly',
    isOfCluster: true,
    file: 'src/store/etcd/turn-writer.ts',
    replace: ': await this.#settle(next, compare);',
    by: ': false;',
  },
  {
    name: 'comparison of the turn',
    isOfCluster: true,
    file: 'src/store/etcd/turn-writer.ts',
    replace: '      { key: keys.turn, modRevision: this.saved.modRevision },\n',
    by: '',
  },
  {
    name: 'comparison of the leader',
    isOfCluster: true,
    file: 'src/store/etcd/turn-writer.ts',
    replace: '      { key: leadership.key, createRevision: leadership.createRevision },\n',
    by: '',
  },
  {
    name: 'question who leads, before an answer',
    isOfCluster: true,
    file: 'src/store/etcd/etcd-store.ts',
    replace: '      await this.#leaderRead.confirm();',
    by: '      await Promise.resolve();',
  },
  {
    name: 'question who leads begins after the call',
    isOfCluster: true,
    file: 'src/store/etcd/leader-read.ts',
    replace: '    if (!this.#current) return this.#begin();\n',
    by: '    return this.#current ?? this.#begin();\n',
  },
  {
    name: 'look at the clocks when etcd has answered',
    isOfCluster: true,
    file: 'src/store/etcd/patience.ts',
    replace:
      '      // However long the answer has lain here: from that moment on nobody may go by it.\n      leadership.assert();',
    by: '',
  },
  {
    name: 'deadline from before the question',
    isOfCluster: true,
    file: 'src/cluster/candidacy.ts',
    replace:
      '    const sent = readMoment(this.clock);\n    const ttl = await this.kv.keepAlive(this.lease, timeoutMs);',
    by: '    const ttl = await this.kv.keepAlive(this.lease, timeoutMs);\n    const sent = readMoment(this.clock);',
  },
  {
    name: 'clock that counts suspend',
    isOfCluster: true,
    file: 'src/cluster/clock.ts',
    replace: 'return Math.max(clock.monotonic() - earlier.monotonic, clock.sinceBoot() - earlier.sinceBoot);',
    by: 'return clock.monotonic() - earlier.monotonic;',
  },
  {
    name: 'one name of a leader at a time',
    isOfCluster: true,
    file: 'src/cluster/election.ts',
    replace: '        compare: [{ key: keys.leader, createRevision: 0 }],',
    by: '        compare: [],',
  },
  {
    name: 'fence commands end with the term',
    isOfCluster: true,
    file: 'src/service/engine.ts',
    replace: 'const fenced = this.fencing.close(true);',
    by: 'const fenced = this.fencing.close();',
  },
  {
    name: 'leases begin afresh',
    isOfCluster: true,
    file: 'src/service/engine.ts',
    replace: '      this.#leases.start(hold, now);',
    by: '      this.#leases.start(hold, { ...now, lease: now.lease - (now.time - hold.acquired) });',
  },
];
