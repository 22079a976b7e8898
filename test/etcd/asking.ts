/** Asking servers of etcd, and what a test wants to know of it when that fails. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { type GatewayOptions, openGateway } from '../../src/etcd/gateway.js';
import { type Kv, KvError } from '../../src/etcd/kv.js';

/** Long enough for whatever answers on this machine. */
export const LONG_MS = 20_000;

/** A client that is closed with the test. */
export function open(endpoints: readonly URL[], options: Omit<GatewayOptions, 'endpoints'> = {}): Kv {
  const kv = openGateway({ endpoints, ...options });
  onTestFinished(() => kv.close());
  return kv;
}

export async function failure(asking: Promise<unknown>): Promise<KvError> {
  const error = await asking.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (!(error instanceof KvError)) throw new Error(`no KvError: ${error}`);
  return error;
}

/** A port at which nobody listens. */
export async function nobody(): Promise<URL> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return new URL(`http://127.0.0.1:${port}`);
}
