/**
 * What etcd's errors mean for a request. Each text was looked up where etcd makes it: what is refused before the cluster has
 * agreed on anything, or while it is applied but before anything is written, has no effect; of everything else nobody knows.
 */
import { type Fate, KvError, type KvReason } from './kv.js';

interface Meaning {
  readonly fate: Fate;
  readonly reason: KvReason;
}

/** The token is not known to etcd, or was made before its users changed. Nothing was tried with it. */
const TOKEN = /invalid auth token|revision of auth store is old/;

const MEANINGS: readonly (readonly [RegExp, Meaning])[] = [
  // Looked at after the transaction is applied, too: so it may be.
  [/database space exceeded/, { fate: 'settled', reason: 'noSpace' }],
  [/required revision has been compacted/, { fate: 'never', reason: 'compacted' }],
  [
    /permission denied|user name is empty|user name not found|authentication failed|authentication is not enabled/,
    { fate: 'never', reason: 'denied' },
  ],
  [TOKEN, { fate: 'never', reason: 'denied' }],
  [
    /request is too large|too many operations|duplicate key|received message larger than max|future revision|lease not found|key is not provided/,
    { fate: 'never', reason: 'refused' },
  ],
];

/** Refused before it was handed to the cluster, for now. */
const NOT_NOW = /etcdserver: too many requests/;

/** The error that `problem` is, an error of etcd's in its own words. */
export function errorOf(endpoint: string, problem: string): KvError {
  const text = `${endpoint}: ${problem}`;
  const [, meaning] = MEANINGS.find(([pattern]) => pattern.test(problem)) ?? [];
  if (meaning) return new KvError(text, meaning.fate, meaning.reason);
  return new KvError(text, NOT_NOW.test(problem) ? 'never' : 'unknown');
}

/** Whether it is to be tried again with a new token. */
export function isTokenProblem({ message }: KvError): boolean {
  return TOKEN.test(message);
}
