/** What a test wants of a daemon besides lockd.py, asked on the wire so that no other client is in the way. */

import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { callOnce, succeeded } from '../crash/clients.js';

type Options = Readonly<Record<string, string | number>>;

function struct(options: Options): string {
  const members = Object.entries(options).map(([name, value]) => {
    const type = typeof value === 'number' ? 'int' : 'string';
    return `<member><name>${name}</name><value><${type}>${value}</${type}></value></member>`;
  });
  return `<struct>${members.join('')}</struct>`;
}

async function ask(url: string, method: string, ...params: string[]): Promise<XmlRpcValue> {
  return succeeded(await callOnce(url, method, ...params));
}

function member(value: XmlRpcValue | undefined, name: string): XmlRpcValue | undefined {
  return value instanceof Map ? value.get(name) : undefined;
}

/** The resources that are not free. */
export async function lockedResources(url: string): Promise<string[]> {
  const found = await ask(url, 'list', struct({ count: 10_000 }));
  return Array.isArray(found) ? found.map((status) => String(member(status, 'resource'))) : [];
}

/** How many wait for a resource. */
export async function waitersOf(url: string, resource: string): Promise<number> {
  return Number(member(await ask(url, 'status', resource), 'waiting'));
}

/** Locks, and answers the token. */
export async function lockAs(
  url: string,
  client: string,
  resource: string,
  options: Options = {},
): Promise<string> {
  return String(member(await ask(url, 'lock', resource, client, struct(options)), 'token'));
}

export async function unlockAs(url: string, client: string, resource: string): Promise<void> {
  await ask(url, 'unlock', resource, client);
}

export async function forceUnlock(url: string, resource: string, reason: string): Promise<void> {
  await ask(url, 'forceUnlock', resource, struct({ reason }));
}

/** How often each resource was granted, as far back as is known. */
export async function grantCounts(url: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let before: Options = {};
  for (;;) {
    const page = await ask(url, 'history', struct({ count: 1_000, ...before }));
    if (!Array.isArray(page)) throw new Error('history is no array');
    for (const event of page) {
      const resource = String(member(event, 'resource'));
      if (member(event, 'event') === 'granted') counts.set(resource, (counts.get(resource) ?? 0) + 1);
    }
    if (page.length < 1_000) return counts;
    before = { before: String(member(page.at(-1), 'id')) };
  }
}
