/** What stands in a lock file: written for people and for adoption by another lockd; read with suspicion. */
import { MAX_ADOPTED_TOKEN, MAX_LIMIT } from '../core/limits.js';
import { clientProblem, noteProblem, resourceProblem } from '../core/names.js';
import type { HoldRecord } from '../core/records.js';

/** Bytes: 100 holders with the longest names and notes fit; anything larger was not written by a lockd. */
export const MAX_CONTENT_BYTES = 1 << 20;

/** The content of a lock file: who holds the resource, as JSON. `holds` are those that are listed, `held` is their number. */
export function lockFileContent(
  directoryId: string,
  resource: string,
  holds: readonly HoldRecord[],
  held: number,
): Buffer {
  const holders = holds.map((hold) => ({
    client: hold.client,
    token: String(hold.token),
    acquired: new Date(hold.acquired).toISOString(),
    from: hold.from,
    ...(hold.ttl === undefined ? {} : { ttl: hold.ttl }),
    // Lost, and not yet harmless: whoever reads the file must still keep off.
    ...(hold.lost === undefined ? {} : { state: hold.lost }),
    ...(hold.note === undefined ? {} : { note: hold.note }),
  }));
  const content = { lockd: 1, directory: directoryId, resource, limit: holds[0]?.limit ?? 1, held, holders };
  return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
}

export interface ForeignHolder {
  readonly client: string;
  readonly token?: number;
  readonly note?: string;
}

/** What a lock file says, if it can be read. */
export interface ReadContent {
  /** The id of the directory it was written for; absent in plain text. */
  readonly directory?: string;
  /** Absent in plain text: the file's name says it. */
  readonly resource?: string;
  readonly limit: number;
  readonly holders: readonly ForeignHolder[];
}

/** Reads the JSON of a lockd, or plain text whose trimmed content is the client's name. Undefined: it is neither. */
export function readContent(bytes: Uint8Array): ReadContent | undefined {
  const text = decodeText(bytes)?.trim();
  if (text === undefined) return undefined;
  // A torn JSON must not be taken for a client's name.
  if (text.startsWith('{')) return readJson(text);
  return clientProblem(text) === undefined ? { limit: 1, holders: [{ client: text }] } : undefined;
}

/**
 * The tokens that a lock file names, also where its holders cannot be taken over as a whole: it lists some of them only, or a
 * power cut has mixed two contents. None where that is no JSON.
 */
export function namedTokens(bytes: Uint8Array): number[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return [];
  }
  if (!isObject(value) || !Array.isArray(value.holders)) return [];
  return value.holders
    .map((holder) => (isObject(holder) ? readAdoptedToken(holder.token) : undefined))
    .filter((token) => token !== undefined);
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readJson(text: string): ReadContent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.lockd !== 1) return undefined;
  const { directory, resource, limit, holders } = value;
  if (typeof directory !== 'string' || typeof resource !== 'string' || resourceProblem(resource))
    return undefined;
  if (!isLimit(limit) || !Array.isArray(holders) || holders.length > limit) return undefined;
  const read = holders.map(readHolder).filter((holder) => holder !== undefined);
  // Whose holders are not all readable, or more than it names, cannot be taken over as a whole.
  if (read.length !== holders.length || read.length !== value.held || read.length === 0) return undefined;
  if (new Set(read.map((holder) => holder.client)).size !== read.length) return undefined;
  return { directory, resource, limit, holders: read };
}

function readHolder(value: unknown): ForeignHolder | undefined {
  if (!isObject(value) || typeof value.client !== 'string' || clientProblem(value.client)) return undefined;
  const { note } = value;
  const token = readAdoptedToken(value.token);
  if (token === undefined) return undefined;
  if (note !== undefined && (typeof note !== 'string' || noteProblem(note))) return undefined;
  return { client: value.client, token, ...(note === undefined ? {} : { note }) };
}

/** Undefined also for a token that leaves no room for later ones. */
function readAdoptedToken(value: unknown): number | undefined {
  const token = readToken(value);
  return token !== undefined && token <= MAX_ADOPTED_TOKEN ? token : undefined;
}

/** Decimal digits, as a lockd writes them, or a number, as a person might. */
function readToken(value: unknown): number | undefined {
  if (typeof value === 'string') return /^\d{1,16}$/.test(value) ? Number(value) : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isLimit(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
