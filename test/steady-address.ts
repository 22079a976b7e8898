/** Addresses for daemons that are started a second time where they were, and for those that never are. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Ports that no system gives to those who ask for any: these would be somebody else's while the daemon is down. */
const FIRST_PORT = 10_240;
const END_PORT = 32_768;

/** `127.0.0.1:PORT`, where nobody listens, and nobody will who does not ask for that very port. */
export async function steadyAddress(): Promise<string> {
  for (;;) {
    const port = randomInt(FIRST_PORT, END_PORT);
    if (await isFree(port)) return `127.0.0.1:${port}`;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
