/**
 * What etcd's JSON gateway is sent, and what it answers: keys and values as base64, 64-bit numbers as decimal text, and what
 * is zero or false left out. What is not as it should be throws `BadAnswer`: then nobody knows what etcd did.
 */
import type { KeyValue, Range, RangeAnswer } from './kv.js';

/** The answer is not one of etcd's, or none to this question. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** Linearizable, as everything that does not ask for less. */
export function rangeMessage({ key, end, limit, revision }: Range): object {
  return {
    key: base64(key),
    range_end: base64(end),
    limit: String(limit),
    ...(revision === undefined ? {} : { revision: String(revision) }),
  };
}

export function readRange(answer: Message): RangeAnswer {
  return { found: foundIn(answer), hasMore: answer.more === true, revision: revisionOf(answer) };
}

export function readGrant(answer: Message): { readonly id: string; readonly ttl: number } {
  const { ID: id } = answer;
  if (typeof id !== 'string') throw new BadAnswer('etcd granted a lease without an id');
  return { id, ttl: numberIn(answer, 'TTL') };
}

/** A lease that was begun anew: its seconds, 0 where there is none; and etcd's term as of just before. */
export interface LeaseRenewal {
  readonly seconds: number;
  readonly raftTerm: number;
}

export function readKeepAlive(answer: Message): LeaseRenewal {
  const result = messageIn(answer, 'result');
  const seconds = result.TTL === undefined ? 0 : numberIn(result, 'TTL');
  return { seconds, raftTerm: readRaftTerm(result) };
}

/** Rises with every leader that etcd has. */
function readRaftTerm(answer: Message): number {
  return numberIn(messageIn(answer, 'header'), 'raft_term');
}

export function readToken(answer: Message): string {
  if (typeof answer.token !== 'string' || answer.token === '') throw new BadAnswer('etcd gave no token');
  return answer.token;
}

/** The cluster that answered. Undefined where the answer does not say it. */
export function clusterOf(answer: Message): string | undefined {
  const inside =
    answer.header === undefined && answer.result !== undefined ? messageIn(answer, 'result') : answer;
  if (inside.header === undefined) return undefined;
  const { cluster_id: id } = messageIn(inside, 'header');
  return typeof id === 'string' ? id : undefined;
}

/** A JSON object. */
export type Message = Readonly<Record<string, unknown>>;

/** The object that a text is. @param mayQuote whether a text that is none may stand in the error. */
export function parseMessage(text: string, mayQuote = true): Message {
  try {
    return messageOf(JSON.parse(text));
  } catch {
    const quote = mayQuote ? `: '${text.slice(0, 100).trim()}'` : '';
    throw new BadAnswer(`this is not what etcd answers${quote}`);
  }
}

function messageOf(value: unknown): Message {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Message;
  throw new BadAnswer('etcd left something out of its answer');
}

function messageIn(message: Message, name: string): Message {
  return messageOf(message[name]);
}

function listIn(message: Message, name: string): readonly unknown[] {
  const list = message[name] ?? [];
  if (!Array.isArray(list)) throw new BadAnswer(`${name} is no list in etcd's answer`);
  return list;
}

function revisionOf(answer: Message): number {
  return numberIn(messageIn(answer, 'header'), 'revision');
}

function foundIn(message: Message): KeyValue[] {
  return listIn(message, 'kvs').map((one) => {
    const entry = messageOf(one);
    const { lease } = entry;
    return {
      key: textIn(entry, 'key'),
      value: textIn(entry, 'value'),
      createRevision: numberIn(entry, 'create_revision'),
      modRevision: numberIn(entry, 'mod_revision'),
      ...(typeof lease === 'string' && lease !== '0' ? { lease } : {}),
    };
  });
}

function numberIn(message: Message, name: string): number {
  const number = Number(message[name]);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new BadAnswer(`${name} is no number in etcd's answer`);
  return number;
}

function textIn(message: Message, name: string): string {
  const text = message[name] ?? '';
  if (typeof text !== 'string') throw new BadAnswer(`${name} is no text in etcd's answer`);
  return Buffer.from(text, 'base64').toString('utf8');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
