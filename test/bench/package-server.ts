/**
 * What is compared with: the server of the npm package `xmlrpc`, remembering locks in a map and nowhere else. It answers
 * the same members in the same types as lockd, so that both write as much.
 */

import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

interface PackageServer {
  readonly httpServer: { address(): unknown };
  on(
    method: string,
    handler: (error: unknown, params: string[], done: (e: unknown, v: unknown) => void) => void,
  ): void;
}
// The package has no types, and only this benchmark runs its server: it must never see bytes from the network.
const { createServer }: { createServer(options: object, onListening: () => void): PackageServer } =
  createRequire(import.meta.url)('xmlrpc');

const held = new Map<string, string>();
let token = Date.now() * 1_000;
const server = createServer({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`http://127.0.0.1:${(server.httpServer.address() as AddressInfo).port}/`);
});
server.on('lock', (_error, [resource = '', client = ''], done) => {
  held.set(resource, client);
  token += 1;
  const acquired = new Date();
  done(null, {
    resource,
    client,
    token: String(token),
    limit: 1,
    state: 'held',
    acquired,
    renewed: acquired,
    from: '127.0.0.1:50000',
    waited: 0.001,
  });
});
server.on('unlock', (_error, [resource = ''], done) => {
  held.delete(resource);
  done(null, true);
});
process.on('SIGTERM', () => process.exit(0));
