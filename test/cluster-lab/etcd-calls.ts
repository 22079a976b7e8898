/** What the laboratory asks of etcd itself, over its JSON gateway: apart from the client that is tested. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Who leads a prefix, as its key says. */
export interface SeenLeader {
  /** 0: nobody. */
  readonly createRevision: number;
  readonly url: string;
  readonly lease: string;
}

/** The parts of its answers that matter here; numbers of 64 bits are strings, and what is zero is left out. */
interface RangeAnswer {
  readonly kvs?: readonly {
    readonly create_revision: string;
    readonly value: string;
    readonly lease?: string;
  }[];
}
interface StatusAnswer {
  readonly header: { readonly member_id: string; readonly revision: string };
  readonly leader?: string;
  readonly dbSize?: string;
}

interface AlarmAnswer {
  readonly alarms?: readonly { readonly memberID: string }[];
}

/** Posts a request. Rejects where no answer comes in time, or none with status 200. */
async function ask<T>(url: string, path: string, message: object, milliseconds: number): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(milliseconds),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url}${path}: ${text}`);
  return JSON.parse(text) as T;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A linearizable read of the leader's key. */
export async function readLeader(url: string, prefix: string, milliseconds: number): Promise<SeenLeader> {
  const { kvs = [] } = await ask<RangeAnswer>(
    url,
    '/v3/kv/range',
    { key: base64(`${prefix}/leader`) },
    milliseconds,
  );
  const [kv] = kvs;
  if (!kv) return { createRevision: 0, url: '', lease: '0' };
  const value = JSON.parse(Buffer.from(kv.value, 'base64').toString()) as { url: string };
  return { createRevision: Number(kv.create_revision), url: value.url, lease: kv.lease ?? '0' };
}

/** Whether a member reads and writes as one of a majority. */
export async function isHealthy(url: string, milliseconds: number): Promise<boolean> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(milliseconds) }).catch(
    () => undefined,
  );
  return response?.status === 200;
}

export interface MemberStatus {
  readonly leadsEtcd: boolean;
  readonly revision: string;
  readonly bytes: number;
}

/** What one member says of itself. */
export async function memberStatus(url: string, milliseconds: number): Promise<MemberStatus> {
  const { header, leader, dbSize } = await ask<StatusAnswer>(url, '/v3/maintenance/status', {}, milliseconds);
  return { leadsEtcd: leader === header.member_id, revision: header.revision, bytes: Number(dbSize ?? 0) };
}

/** Ends a lease, and with it every key that it carries. */
export async function revokeLease(url: string, id: string): Promise<void> {
  await ask(url, '/v3/lease/revoke', { ID: id }, 5_000);
}

/** Half a second apart. */
const TRIES = 10;

/** Does what may be done twice until it is answered: members that were hit a moment ago may be busy still. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(500);
    }
  }
}

const FOREIGN = 'foreign/';
const FILLING = 'x'.repeat(1_000_000);

/** Puts a megabyte more under a foreign prefix. Answers whether there was room for it. */
export function fill(url: string, number: number): Promise<boolean> {
  return insist(async () => {
    try {
      await ask(url, '/v3/kv/put', { key: base64(`${FOREIGN}${number}`), value: base64(FILLING) }, 10_000);
      return true;
    } catch (error) {
      if (String(error).includes('space exceeded')) return false;
      throw error;
    }
  });
}

/** Forgets all revisions before the newest. */
export function compact(url: string): Promise<void> {
  return insist(async () => {
    const { revision } = await memberStatus(url, 5_000);
    try {
      await ask(url, '/v3/kv/compaction', { revision, physical: true }, 20_000);
    } catch (error) {
      if (!String(error).includes('has been compacted')) throw error;
    }
  });
}

/** Removes what `fill` has put there, and makes the members take something again, as an operator would. */
export async function empty(urls: readonly string[]): Promise<void> {
  const [url = ''] = urls;
  const foreign = { key: base64(FOREIGN), range_end: base64('foreign0') };
  await insist(() => ask(url, '/v3/kv/deleterange', foreign, 20_000));
  await compact(url);
  // Gives back the space of what is forgotten; a member answers nobody meanwhile.
  for (const one of urls) await insist(() => ask(one, '/v3/maintenance/defragment', {}, 30_000));
  const alarm = (message: object) => ask<AlarmAnswer>(url, '/v3/maintenance/alarm', message, 5_000);
  await insist(async () => {
    const { alarms = [] } = await alarm({ action: 'GET' });
    for (const { memberID } of alarms) await alarm({ action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' });
  });
}
