/**
 * From XML-RPC values to the types of the service, checked member by member: what came over the network is not
 * believed. Each function throws `UnexpectedAnswer`. Members that only a newer lockd knows are passed over.
 */
import type { Hold, HoldState, ResourceState } from '../core/commands.js';
import type { FileStatus, Stats } from '../service/api.js';
import type { XmlRpcStruct, XmlRpcValue } from '../xmlrpc/values.js';

/** What a daemon that listens answers to `stats`. */
export interface DaemonStats extends Stats {
  /** Open at present. */
  readonly connections?: number;
}

/** The value is not what the method answers; `message` names the place. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/** The answer of methods that only succeed or fail. */
export function readTrue(value: XmlRpcValue): true {
  if (value !== true) throw new UnexpectedAnswer('is not true');
  return true;
}

/** The answer of `lock`. */
export function readHold(value: XmlRpcValue): Hold {
  const hold = struct(value);
  const note = hold.get('note');
  return {
    resource: text(hold, 'resource'),
    client: text(hold, 'client'),
    token: text(hold, 'token'),
    limit: number(hold, 'limit'),
    // Passed on as it is: a state that only a newer lockd knows is still worth showing.
    state: text(hold, 'state') as HoldState,
    acquired: date(hold, 'acquired'),
    renewed: date(hold, 'renewed'),
    from: text(hold, 'from'),
    waited: number(hold, 'waited'),
    ...(typeof note === 'string' ? { note } : {}),
  };
}

/** The answer of `status`. */
export function readStatus(value: XmlRpcValue): FileStatus {
  const status = struct(value);
  return {
    resource: text(status, 'resource'),
    state: text(status, 'state') as ResourceState,
    limit: number(status, 'limit'),
    held: number(status, 'held'),
    holders: array(status.get('holders'), 'holders').map(readHold),
    file: text(status, 'file'),
  };
}

/** The answer of `list`. */
export function readStatuses(value: XmlRpcValue): FileStatus[] {
  return array(value, 'the answer').map(readStatus);
}

/** The answer of `stats`. */
export function readStats(value: XmlRpcValue): DaemonStats {
  const stats = struct(value);
  const connections = stats.get('connections');
  return {
    version: text(stats, 'version'),
    started: date(stats, 'started'),
    directory: text(stats, 'directory'),
    held: number(stats, 'held'),
    grants: number(stats, 'grants'),
    refusals: number(stats, 'refusals'),
    lost: number(stats, 'lost'),
    journalBytes: number(stats, 'journalBytes'),
    ...(typeof connections === 'number' ? { connections } : {}),
  };
}

function struct(value: XmlRpcValue): XmlRpcStruct {
  if (!(value instanceof Map)) throw new UnexpectedAnswer('is not a struct');
  return value;
}

function array(value: XmlRpcValue | undefined, place: string): XmlRpcValue[] {
  if (!Array.isArray(value)) throw new UnexpectedAnswer(`has no array as ${place}`);
  return value;
}

function text(from: XmlRpcStruct, name: string): string {
  const value = from.get(name);
  if (typeof value !== 'string') throw new UnexpectedAnswer(`has no text '${name}'`);
  return value;
}

function number(from: XmlRpcStruct, name: string): number {
  const value = from.get(name);
  if (typeof value !== 'number') throw new UnexpectedAnswer(`has no number '${name}'`);
  return value;
}

function date(from: XmlRpcStruct, name: string): Date {
  const value = from.get(name);
  if (!(value instanceof Date)) throw new UnexpectedAnswer(`has no dateTime '${name}'`);
  return value;
}
