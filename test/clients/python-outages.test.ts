/** clients/lockd.py when connections break and daemons restart. */

import type { AddressInfo } from 'node:net';
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { listening, serve, startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { grantCounts, lockAs, lockedResources, unlockAs, waitersOf } from './python-daemon.js';
import { outcome, startLockdPy, startScript } from './python-process.js';

/** A way to a daemon that may be changed, and cuts answers. */
class CuttingProxy {
  url = '';
  target = '';
  /** How many bytes of the answer to this request come through; all where it says nothing. */
  cut: (request: string) => number | undefined = () => undefined;
  #sockets = new Set<Socket>();

  async start(target: string): Promise<this> {
    this.target = target;
    const server = createServer((client) => this.#pass(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    onTestFinished(() => {
      server.close();
      for (const socket of this.#sockets) socket.destroy();
    });
    return this;
  }

  #pass(client: Socket): void {
    const daemon = connectTo(Number(new URL(this.target).port), '127.0.0.1');
    for (const socket of [client, daemon]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        daemon.destroy();
      });
    }
    let request = '';
    let passed = 0;
    let bytes: number | undefined;
    client.on('data', (chunk) => {
      request += chunk.toString();
      // The body comes whole with its end; before that nothing is answered.
      if (request.includes('</methodCall>')) bytes = this.cut(request);
      daemon.write(chunk);
    });
    daemon.on('data', (chunk: Buffer) => {
      const part = bytes === undefined ? chunk : chunk.subarray(0, Math.max(0, bytes - passed));
      passed += chunk.length;
      if (bytes === undefined || passed <= bytes) client.write(part);
      // By turns in good order and with a reset.
      else if (bytes % 2 === 0) client.end(part);
      else client.write(part, () => client.resetAndDestroy());
    });
  }
}

describeWith(['python3'], 'lockd.py and lost connections', () => {
  test('an answer cut off at any byte never takes a lock twice', async () => {
    const { url } = await serve();
    const proxy = await new CuttingProxy().start(url);
    const seen = new Set<string>();
    proxy.cut = (request) => {
      const [call = '', name = ''] = /<methodName>(?:un)?lock<[\s\S]*?<string>cut-(\d+)</.exec(request) ?? [];
      // Every byte of the grant; of its end a few.
      if (name === '' || seen.has(call) || (call.includes('>unlock<') && Number(name) % 10 > 0))
        return undefined;
      seen.add(call);
      return Number(name);
    };
    // How long a whole answer is, found out first: the head and a hold.
    const length = (await wholeAnswer(url)).length + 8;
    const ran = startScript(
      `
import lockd
client = lockd.Client(client='someone', retry=lockd.Retry(delay=0.001))
for cut in range(${length}):
    with client.lock('cut-%05d' % cut, wait=0): pass
print('done')
`,
      proxy.url,
    );
    expect(await outcome(ran)).toEqual({ status: 0, stdout: 'done\n', stderr: '' });
    expect(seen.size).toBe(length + Math.ceil(length / 10));
    const granted = await grantCounts(url);
    expect(length).toBeGreaterThan(800);
    expect(granted.size).toBe(length + 1);
    expect([...granted.values()].every((count) => count === 1)).toBe(true);
    // But for the one whose answer was measured, which ends with its lease.
    const left = (await lockedResources(url)).filter((name) => name !== 'cut-first');
    expect(left).toEqual([]);
  }, 300_000);

  test('a wait whose answers are cut keeps its place, and gets the lock once', async () => {
    const { url } = await serve();
    const proxy = await new CuttingProxy().start(url);
    await lockAs(url, 'holder', 'r');
    const cuts = { enqueue: 0, wait: 0 };
    proxy.cut = (request) => {
      const [, method] = /<methodName>(enqueue|wait)</.exec(request) ?? [];
      if ((method !== 'enqueue' && method !== 'wait') || cuts[method] >= 2) return undefined;
      cuts[method] += 1;
      return cuts[method] * 75;
    };
    const waiting = startScript(
      "import lockd\nplace = lockd.enqueue('r')\nprint('queued', flush=True)\nwith place.wait(60) as hold: print('granted', hold.token)",
      proxy.url,
      { LOCKD_CLIENT: 'waiter' },
    );
    await waiting.wrote('stdout', /queued/);
    expect(await waitersOf(url, 'r')).toBe(1);
    await unlockAs(url, 'holder', 'r');
    expect((await outcome(waiting)).stdout).toMatch(/^queued\ngranted \d+\n$/);
    expect(cuts).toEqual({ enqueue: 2, wait: 2 });
    expect((await grantCounts(url)).get('r')).toBe(2);
    expect(await lockedResources(url)).toEqual([]);
  });

  test('a daemon that is restarted in the middle of a with statement changes nothing', async () => {
    const directory = temporaryDirectory();
    const first = await serve([], directory);
    const proxy = await new CuttingProxy().start(first.url);
    const ran = startScript(
      `
import lockd, sys
with lockd.lock('r', ttl=20) as hold:
    print(hold.token, flush=True)
    import time; time.sleep(11)
    hold.check(ask=True)
print('carried on')
`,
      proxy.url,
    );
    const [token] = await ran.wrote('stdout', /\d+/);
    await first.daemon.kill();
    await pause(1_500);
    const second = await listening(startServe([], directory), directory);
    proxy.target = second.url;
    const { status, stdout } = await outcome(ran);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${token}\ncarried on\n` });
    expect(await lockedResources(second.url)).toEqual([]);
  });

  test('a wait through a restart keeps its place, in the library and in run', async () => {
    const directory = temporaryDirectory();
    const first = await serve([], directory);
    const proxy = await new CuttingProxy().start(first.url);
    await lockAs(first.url, 'holder', 'r');
    const library = startScript(
      "import lockd\nwith lockd.lock('r', wait=60) as hold: print('granted', hold.token)",
      proxy.url,
      { LOCKD_CLIENT: 'library' },
    );
    const command = startLockdPy(['run', 'r', '--client', 'command', '--', 'echo', 'ran'], proxy.url);
    const waiting = (url: string) => waitersOf(url, 'r');
    await expect.poll(() => waiting(first.url), { timeout: 25_000 }).toBe(2);
    await command.wrote('stderr', /Waiting for 'r'/);
    await first.daemon.kill();
    const second = await listening(startServe([], directory), directory);
    proxy.target = second.url;
    expect(await waiting(second.url)).toBe(2);
    await pause(1_500);
    await unlockAs(second.url, 'holder', 'r');
    expect((await outcome(library)).stdout).toMatch(/^granted \d+\n$/);
    expect(await outcome(command)).toMatchObject({ status: 0, stdout: 'ran\n' });
  });

  test('connections that hang do not eat the lease', async () => {
    const { url } = await serve();
    const proxy = await new CuttingProxy().start(url);
    const ran = startScript(
      "import lockd, time\nhold = lockd.lock('r', ttl=6)\nprint('held', flush=True)\ntime.sleep(8)\nhold.check(ask=True)\nprint('held')",
      proxy.url,
    );
    await ran.wrote('stdout', /held/);
    let hung = 0;
    // The first renewal is answered by nobody: nothing comes, and the connection stays.
    const real = proxy.target;
    const hole = createServer(() => {
      hung += 1;
      proxy.target = real;
    });
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void hole.close());
    proxy.target = `http://127.0.0.1:${(hole.address() as AddressInfo).port}`;
    expect(await outcome(ran)).toMatchObject({ status: 0, stdout: 'held\nheld\n' });
    expect(hung).toBe(1);
  });
});

/** Every byte of the answer to a lock. */
async function wholeAnswer(url: string): Promise<string> {
  const socket = connectTo(Number(new URL(url).port), '127.0.0.1');
  const body =
    '<methodCall><methodName>lock</methodName><params><param><value><string>cut-first</string></value></param>' +
    '<param><value><string>someone</string></value></param><param><value><struct><member><name>ttl</name><value><int>30</int>' +
    '</value></member></struct></value></param></params></methodCall>';
  socket.write(
    `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
