/**
 * From XML-RPC values to the types of the service, checked member by member: what came over the network is not
 * believed. Each function throws `UnexpectedAnswer`. Members that only a newer lockd knows are passed over.
 */
import type { Enqueued, Fence, Hold, HoldState, Place, ResourceState } from '../core/answers.js';
import type { EventName } from '../core/records.js';
import type { FileStatus, HistoryEvent, Stats } from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import { Members, present, readArray, UnexpectedAnswer } from './members.js';

/** What a daemon that listens answers to `stats`. */
export interface DaemonStats extends Stats {
  /** Open at present. */
  readonly connections?: number;
}

/** The answer of methods that only succeed or fail. */
export function readTrue(value: XmlRpcValue): true {
  if (value !== true) throw new UnexpectedAnswer('is not true');
  return true;
}

/** The answer of `check`. */
export function readBoolean(value: XmlRpcValue): boolean {
  if (typeof value !== 'boolean') throw new UnexpectedAnswer('is neither true nor false');
  return value;
}

/** The answer of `lock` and of whatever else gives or changes a hold. */
export function readHold(value: XmlRpcValue): Hold {
  const hold = new Members(value);
  return {
    resource: hold.text('resource'),
    client: hold.text('client'),
    token: hold.text('token'),
    limit: hold.number('limit'),
    // Passed on as it is: a state that only a newer lockd knows is still worth showing.
    state: hold.text('state') as HoldState,
    acquired: hold.date('acquired'),
    renewed: hold.date('renewed'),
    from: hold.text('from'),
    waited: hold.number('waited'),
    ...present({
      ttl: hold.optionalNumber('ttl'),
      expires: hold.optionalDate('expires'),
      left: hold.optionalNumber('left'),
      note: hold.optionalText('note'),
    }),
  };
}

/** The answer of `enqueue`. */
export function readEnqueued(value: XmlRpcValue): Enqueued {
  const enqueued = new Members(value);
  const state = enqueued.text('state');
  const position = enqueued.number('position');
  // Without the hold nobody would know the token, and with another state not what to do.
  if (state === 'granted') return { state, position, hold: readHold(enqueued.value('hold') ?? '') };
  if (state === 'queued') return { state, position };
  throw new UnexpectedAnswer("is neither 'granted' nor 'queued'");
}

/** The answer of `status`. */
export function readStatus(value: XmlRpcValue): FileStatus {
  const status = new Members(value);
  return {
    resource: status.text('resource'),
    state: status.text('state') as ResourceState,
    limit: status.number('limit'),
    held: status.number('held'),
    holders: status.array('holders', readHold),
    waiting: status.number('waiting'),
    queue: status.array('queue', readPlace),
    file: status.text('file'),
    ...(status.has('fence') ? { fence: status.array('fence', readFence) } : {}),
    ...present({
      fenceCommand: status.optionalText('fenceCommand'),
      lockDelay: status.optionalNumber('lockDelay'),
    }),
  };
}

function readPlace(value: XmlRpcValue): Place {
  const place = new Members(value);
  return {
    client: place.text('client'),
    position: place.number('position'),
    since: place.date('since'),
    ...present({ note: place.optionalText('note') }),
  };
}

function readFence(value: XmlRpcValue): Fence {
  const fence = new Members(value);
  return {
    client: fence.text('client'),
    token: fence.text('token'),
    tries: fence.number('tries'),
    ...present({ lastError: fence.optionalText('lastError'), nextTry: fence.optionalDate('nextTry') }),
  };
}

/** The answer of `list`. */
export function readStatuses(value: XmlRpcValue): FileStatus[] {
  return readArray(value, 'the answer', readStatus);
}

/** The answer of `history`. */
export function readEvents(value: XmlRpcValue): HistoryEvent[] {
  return readArray(value, 'the answer', readEvent);
}

function readEvent(value: XmlRpcValue): HistoryEvent {
  const event = new Members(value);
  return {
    id: event.text('id'),
    time: event.date('time'),
    event: event.text('event') as EventName,
    resource: event.text('resource'),
    client: event.text('client'),
    ...present({
      token: event.optionalText('token'),
      by: event.optionalText('by'),
      reason: event.optionalText('reason'),
    }),
  };
}

/** The answer of `stats`. */
export function readStats(value: XmlRpcValue): DaemonStats {
  const stats = new Members(value);
  return {
    version: stats.text('version'),
    started: stats.date('started'),
    directory: stats.text('directory'),
    held: stats.number('held'),
    waiting: stats.number('waiting'),
    fencing: stats.number('fencing'),
    grants: stats.number('grants'),
    refusals: stats.number('refusals'),
    lost: stats.number('lost'),
    journalBytes: stats.number('journalBytes'),
    ...present({
      leader: stats.optionalText('leader'),
      connections: stats.optionalNumber('connections'),
    }),
  };
}
