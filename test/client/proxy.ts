/** A TCP proxy before a daemon, that cuts answers, and whose daemon may change. */
import { connect, type Socket } from 'node:net';
import { tcpServer } from './servers.js';

export interface CuttingProxy {
  readonly url: string;
  /** Where it leads; undefined: connections are closed at once. */
  target: string | undefined;
  /** Of the next connection, only so many bytes of what the daemon answers come through. */
  cutAfter: number | undefined;
  /** Bytes that daemons have answered so far. */
  answered: number;
  /** Connections so far. */
  connections: number;
  /** Closes all connections, and from now on each new one at once. */
  down(): void;
}

export async function proxyTo(target: string): Promise<CuttingProxy> {
  const clients = new Set<Socket>();
  const proxy: Omit<CuttingProxy, 'url'> = {
    ...{ target, cutAfter: undefined, answered: 0, connections: 0 },
    down() {
      proxy.target = undefined;
      for (const client of clients) client.destroy();
    },
  };
  const url = await tcpServer((client) => {
    proxy.connections += 1;
    clients.add(client);
    if (proxy.target === undefined) {
      client.destroy();
      return;
    }
    const daemon = connect(Number(new URL(proxy.target).port), '127.0.0.1');
    daemon.on('error', () => client.destroy());
    daemon.on('close', () => client.destroy());
    client.on('close', () => daemon.destroy());
    client.pipe(daemon);
    const allowed = proxy.cutAfter ?? Number.POSITIVE_INFINITY;
    proxy.cutAfter = undefined;
    passOn(daemon, client, allowed, proxy);
  });
  return Object.assign(proxy, { url });
}

function passOn(daemon: Socket, client: Socket, allowed: number, proxy: Omit<CuttingProxy, 'url'>): void {
  let passed = 0;
  daemon.on('data', (bytes) => {
    proxy.answered += bytes.length;
    const through = bytes.subarray(0, Math.max(0, allowed - passed));
    passed += bytes.length;
    if (passed <= allowed) client.write(through);
    else client.end(through, () => client.destroy());
  });
}
