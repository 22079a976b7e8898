/**
 * The rules: who gets a lock, who may give it back. A command, the table and the moment go in; what changes and what
 * is answered come out. Nothing is changed here: the caller applies the changes, and undoes them if they cannot be saved.
 */
import type {
  AdoptCommand,
  Answers,
  Command,
  ForceUnlockCommand,
  Hold,
  ListCommand,
  LockCommand,
  Now,
  ResourceState,
  Status,
  UnlockCommand,
} from './commands.js';
import { LOST_KEPT_SECONDS, MAX_HELD_LOCKS } from './limits.js';
import { UNREADABLE_CLIENT } from './names.js';
import type { Change, HoldRecord, LostRecord } from './records.js';
import { BadParameter, type Refused } from './refusals.js';
import type { LockTable } from './table.js';

/** The outcome of one command: an answer with the changes that make it true, or a refusal that changes nothing. */
export type Decision<Answer = unknown> =
  | { readonly answer: Answer; readonly changes: readonly Change[] }
  | Refused
  | { readonly bad: BadParameter };

const NOTHING: readonly Change[] = [];

/** Decides one command. The changes are not yet applied. */
export function decide<C extends Command>(
  table: LockTable,
  command: C,
  now: Now,
): Decision<Answers[C['kind']]>;
export function decide(table: LockTable, command: Command, now: Now): Decision {
  switch (command.kind) {
    case 'lock':
      return decideLock(table, command, now);
    case 'unlock':
      return decideUnlock(table, command, now);
    case 'forceUnlock':
      return decideForceUnlock(table, command, now);
    case 'adopt':
      return decideAdopt(table, command, now);
    case 'status':
      return { answer: statusOf(table, command.resource), changes: NOTHING };
    case 'list':
      return { answer: list(table, command), changes: NOTHING };
    case 'count':
      return { answer: { held: table.held }, changes: NOTHING };
    case 'forget':
      return decideForget(table, now);
  }
}

/** Who gets the lock. */
function decideLock(table: LockTable, command: LockCommand, now: Now): Decision<Hold> {
  const { resource, client, limit } = command;
  const unreadable = table.unreadable(resource);
  if (unreadable) return { refusal: 'unreadable', details: { resource, file: unreadable.files.join(', ') } };
  const inUse = table.limit(resource);
  const mine = table.hold(resource, client);
  if (inUse !== undefined && inUse !== limit && !mine) {
    return { refusal: 'limitMismatch', details: { resource, limit: inUse, asked: limit } };
  }
  // This line decides who gets the lock: who comes while fewer than `limit` others hold it.
  if (mine || table.holdCount(resource) >= limit) return heldBy(table, resource);
  if (table.held >= MAX_HELD_LOCKS) return { refusal: 'tooMany', details: {} };

  const record: HoldRecord = {
    kind: 'hold',
    resource,
    client,
    token: table.nextToken,
    limit,
    acquired: now.time,
    from: command.from,
    waited: Math.max(0, Math.round(now.monotonic - command.received)) / 1_000,
    ...(command.note === undefined ? {} : { note: command.note }),
  };
  const put = [record, ...superseded(table, resource, client)];
  return {
    answer: holdOf(record),
    changes: [{ event: 'granted', time: now.time, resource, client, token: record.token, put }],
  };
}

/** What a new hold makes of the client's lost ones there: from now on only a call that names their token means them. */
function superseded(table: LockTable, resource: string, client: string): LostRecord[] {
  const current = [...table.lost(resource, client)].filter((lost) => !lost.superseded);
  return current.map((lost) => ({ ...lost, superseded: true }));
}

/** Who may give the lock back: only its holder, and with a token only that very hold. */
function decideUnlock(table: LockTable, command: UnlockCommand, now: Now): Decision<true> {
  const { resource, client, token } = command;
  const hold = table.hold(resource, client);
  if (hold && (token === undefined || sameToken(token, hold.token))) {
    const change: Change = {
      event: 'unlocked',
      time: now.time,
      resource,
      client,
      token: hold.token,
      remove: [{ kind: 'hold', resource, client }],
    };
    return { answer: true, changes: [change] };
  }
  return refuseToTouch(table, command, now, hold);
}

/** Why a call on a hold that is not there (or not the one meant) is refused: what became of it, if that is known. */
function refuseToTouch(
  table: LockTable,
  { resource, client, token }: UnlockCommand,
  now: Now,
  hold: HoldRecord | undefined,
): Refused {
  const lost = findLost(table, resource, client, token, now);
  if (lost) return { refusal: 'lost', details: lost };
  if (hold) return { refusal: 'staleToken', details: { resource, client, token: token ?? '' } };
  const unreadable = table.unreadable(resource);
  if (unreadable) return { refusal: 'unreadable', details: { resource, file: unreadable.files.join(', ') } };
  const holders = table.holds(resource).map((other) => other.client);
  if (holders.length > 0) return { refusal: 'notOwner', details: { holders, client } };
  return { refusal: 'notLocked', details: {} };
}

function findLost(
  table: LockTable,
  resource: string,
  client: string,
  token: string | undefined,
  now: Now,
): LostRecord | undefined {
  let found: LostRecord | undefined;
  for (const lost of table.lost(resource, client)) {
    const meant = token === undefined ? !lost.superseded : sameToken(token, lost.token);
    if (meant && !isForgotten(lost, now)) found = lost;
  }
  return found;
}

/** An operator ends a hold against its holder's will; the holder's next call is told. */
function decideForceUnlock(table: LockTable, command: ForceUnlockCommand, now: Now): Decision<true> {
  const { resource, by, reason } = command;
  const unreadable = table.unreadable(resource);
  if (unreadable) {
    const change: Change = {
      event: 'forced',
      time: now.time,
      resource,
      client: UNREADABLE_CLIENT,
      token: 0,
      by,
      reason,
      remove: [unreadable],
    };
    return { answer: true, changes: [change] };
  }
  const holds = table.holds(resource);
  if (holds.length === 0) return { refusal: 'notLocked', details: {} };
  if (command.client === undefined && holds.length > 1) {
    const problem = `is needed, because ${holds.length} clients hold '${resource}'`;
    return { bad: new BadParameter('client', problem) };
  }
  const hold = command.client === undefined ? holds[0] : table.hold(resource, command.client);
  if (!hold) {
    const problem = `is '${command.client}', who does not hold '${resource}'; '${holds[0]?.client}' does`;
    return { bad: new BadParameter('client', problem) };
  }
  const { client, token } = hold;
  const lost: LostRecord = { kind: 'lost', resource, client, token, time: now.time, by, reason };
  const change: Change = {
    event: 'forced',
    time: now.time,
    resource,
    client,
    token,
    by,
    reason,
    put: [lost],
    remove: [{ kind: 'hold', resource, client }],
  };
  return { answer: true, changes: [change] };
}

/** A foreign lock file becomes a lock, unless the resource is taken already: then the journal is the truth. */
function decideAdopt(table: LockTable, command: AdoptCommand, now: Now): Decision<boolean> {
  const { resource, limit, file } = command;
  if (table.has(resource)) return { answer: false, changes: NOTHING };
  const own = command.holders.map((holder) => holder.token ?? 0);
  let token = Math.max(table.nextToken, ...own.map((known) => known + 1));
  const changes = command.holders.map(({ client, note }): Change => {
    const record: HoldRecord = {
      kind: 'hold',
      resource,
      client,
      token: token++,
      limit,
      acquired: now.time,
      from: file,
      waited: 0,
      ...(note === undefined ? {} : { note }),
    };
    const put = [record, ...superseded(table, resource, client)];
    return { event: 'adopted', time: now.time, resource, client, token: record.token, reason: file, put };
  });
  return { answer: true, changes };
}

/** So that one command never makes a turn too long; the next minute goes on. */
const MAX_FORGOTTEN = 1_000;

function decideForget(table: LockTable, now: Now): Decision<number> {
  const old = [...table.allLost()].filter((lost) => isForgotten(lost, now)).slice(0, MAX_FORGOTTEN);
  const changes = old.map(
    ({ resource, client, token }): Change => ({
      time: now.time,
      resource,
      client,
      token,
      remove: [{ kind: 'lost', resource, client, token }],
    }),
  );
  return { answer: old.length, changes };
}

function isForgotten(lost: LostRecord, now: Now): boolean {
  return now.time - lost.time > LOST_KEPT_SECONDS * 1_000;
}

function heldBy(table: LockTable, resource: string): Refused {
  return { refusal: 'held', details: { holders: table.holds(resource).map((hold) => hold.client) } };
}

/** Tokens are compared as whole numbers: leading zeros do not count. */
function sameToken(text: string, token: number): boolean {
  return text.replace(/^0+(?=\d)/, '') === String(token);
}

/** The status of one resource, also of a free one. */
export function statusOf(table: LockTable, resource: string): Status {
  const held = table.holdCount(resource);
  const unreadable = table.unreadable(resource);
  return {
    resource,
    state: stateOf(table, resource),
    limit: table.limit(resource) ?? 1,
    held,
    holders: table.listedHolds(resource).map(holdOf),
    ...(unreadable ? { unreadableFiles: unreadable.files } : {}),
  };
}

function stateOf(table: LockTable, resource: string): ResourceState {
  if (table.unreadable(resource)) return 'unreadable';
  return table.holdCount(resource) > 0 ? 'held' : 'free';
}

function list(table: LockTable, { prefix, client, state, count, after }: ListCommand): Status[] {
  const found: Status[] = [];
  for (const resource of table.resourcesAfter(after)) {
    if (found.length >= count) break;
    if (prefix !== undefined && !resource.startsWith(prefix)) continue;
    if (client !== undefined && !table.hold(resource, client)) continue;
    if (state !== undefined && stateOf(table, resource) !== state) continue;
    found.push(statusOf(table, resource));
  }
  return found;
}

function holdOf(record: HoldRecord): Hold {
  const acquired = new Date(record.acquired);
  return {
    resource: record.resource,
    client: record.client,
    token: String(record.token),
    limit: record.limit,
    state: 'held',
    acquired,
    renewed: acquired,
    from: record.from,
    waited: record.waited,
    ...(record.note === undefined ? {} : { note: record.note }),
  };
}
