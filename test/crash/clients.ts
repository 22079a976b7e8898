/** Clients that write: each on a bare connection of its own, one call after another, all of it in the ledger. */
import { readStatuses } from '../../src/client/answers.js';
import { parseResponse } from '../../src/xmlrpc/parse.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { post, Wire } from '../http/wire.js';
import { oneOf, type Random } from '../random.js';
import { callOf } from '../xmlrpc/documents.js';
import type { Answer, FoundHold, Ledger } from './ledger.js';

export type Response = { readonly value: XmlRpcValue } | { readonly fault: { code: number; text: string } };

/** Sends a call and waits for what comes back. Rejects when the connection ends before. */
export async function call(wire: Wire, method: string, ...params: string[]): Promise<Response> {
  const { status, body } = await wire.send(post(callOf(method, ...params))).answer();
  if (status !== 200) throw new Error(`status ${status}: ${body}`);
  return parseResponse(Buffer.from(body));
}

/** The same on a connection of its own. */
export async function callOnce(url: string, method: string, ...params: string[]): Promise<Response> {
  const wire = await Wire.to(url);
  try {
    return await call(wire, method, ...params);
  } finally {
    wire.socket.destroy();
  }
}

/** The value of a response; throws where it is a fault. */
export function succeeded(response: Response): XmlRpcValue {
  if ('fault' in response) throw new Error(`fault ${response.fault.code}: ${response.fault.text}`);
  return response.value;
}

const EVERYTHING = '<struct><member><name>count</name><value><int>10000</int></value></member></struct>';

/** What a daemon says is held. */
export async function listHolds(url: string): Promise<FoundHold[]> {
  const statuses = readStatuses(succeeded(await callOnce(url, 'list', EVERYTHING)));
  const lost = statuses.filter((status) => status.state !== 'held');
  if (lost.length > 0) throw new Error(`not held, but ${JSON.stringify(lost)}`);
  return statuses.flatMap(({ holders }) =>
    holders.map(({ resource, client, token }) => ({ resource, client, token: Number(token) })),
  );
}

function answerOf(response: Response): Answer {
  if ('fault' in response) return { fault: response.fault.code };
  if (response.value === true) return 'unlocked';
  const token = response.value instanceof Map ? response.value.get('token') : undefined;
  return { granted: typeof token === 'string' && /^\d+$/.test(token) ? Number(token) : Number.NaN };
}

/** A call, noted before it leaves and when its answer comes. Answers undefined where none came. */
export async function noted(
  ledger: Ledger,
  wire: Wire,
  method: 'lock' | 'unlock',
  resource: string,
  client: string,
): Promise<Answer | undefined> {
  const sent = ledger.sent({ method, resource, client });
  let response: Response;
  try {
    response = await call(wire, method, resource, client);
  } catch {
    return undefined;
  }
  const answer = answerOf(response);
  ledger.answered(sent, answer);
  return answer;
}

export interface ClientsOptions {
  readonly url: string;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly clients: number;
  /** Calls of each client, without a limit when absent. */
  readonly calls?: number;
}

/** Runs clients until their connections end, or all calls are made. Answers whether connections ended before that. */
export async function runClients({ clients, ...options }: ClientsOptions): Promise<boolean> {
  const finished = await Promise.all(
    Array.from({ length: clients }, (_, index) => runClient(options, index)),
  );
  return finished.includes(false);
}

/** Those of one client, which nobody else touches, and those of all. */
function resourcesOf(index: number): string[] {
  return ['a', 'b', 'c'].map((letter) => `own/${index}${letter}`).concat('shared-1', 'shared-2', 'shared-3');
}

async function runClient(
  { url, ledger, random, calls = Number.POSITIVE_INFINITY }: Omit<ClientsOptions, 'clients'>,
  index: number,
): Promise<boolean> {
  const client = `client-${index}`;
  const resources = resourcesOf(index);
  const wire = await Wire.to(url).catch(() => undefined);
  if (!wire) return false;
  for (let count = 0; count < calls; count += 1) {
    const resource = oneOf(random, resources);
    // Now and then what must be refused: a second lock, an unlock of what one does not hold.
    const isHeld = (ledger.token(resource, client) !== undefined) !== (random(10) === 0);
    const answer = await noted(ledger, wire, isHeld ? 'unlock' : 'lock', resource, client);
    if (answer === undefined) return false;
  }
  wire.socket.destroy();
  return true;
}
