/**
 * What etcd's JSON gateway is sent, and what it answers: keys and values as base64, 64-bit numbers as decimal text, and what
 * is zero or false left out. What is not as it should be throws `BadAnswer`: then nobody knows what etcd did.
 */
import type {
  Compare,
  KeyValue,
  Operation,
  Range,
  RangeAnswer,
  Transaction,
  TransactionAnswer,
} from './kv.js';

/** The answer is not one of etcd's, or none to this question. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

export function transactionMessage({ compare, success, failure = [] }: Transaction): object {
  return {
    compare: compare.map(compareMessage),
    success: success.map(operationMessage),
    failure: failure.map(operationMessage),
  };
}

function compareMessage(compare: Compare): object {
  const key = base64(compare.key);
  if ('createRevision' in compare) {
    return { key, target: 'CREATE', result: 'EQUAL', create_revision: String(compare.createRevision) };
  }
  return { key, target: 'MOD', result: 'EQUAL', mod_revision: String(compare.modRevision) };
}

function operationMessage(operation: Operation): object {
  const key = base64(operation.key);
  switch (operation.kind) {
    case 'put': {
      const { value, lease } = operation;
      return { request_put: { key, value: base64(value), ...(lease === undefined ? {} : { lease }) } };
    }
    case 'remove':
      return { request_delete_range: { key } };
    case 'removeRange':
      return { request_delete_range: { key, range_end: base64(operation.end) } };
    case 'get':
      return { request_range: { key } };
  }
}

export function readTransaction({ success, failure = [] }: Transaction, answer: Message): TransactionAnswer {
  const succeeded = answer.succeeded === true;
  const steps = succeeded ? success : failure;
  const responses = listIn(answer, 'responses');
  if (responses.length !== steps.length)
    throw new BadAnswer('etcd answered other steps than it was asked for');
  const found = steps.map(({ kind }, index) =>
    kind === 'get' ? foundIn(messageIn(messageOf(responses[index]), 'response_range')) : [],
  );
  return { succeeded, revision: revisionOf(answer), found };
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
export function readRaftTerm(answer: Message): number {
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

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
