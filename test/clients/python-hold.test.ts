/** A hold of clients/lockd.py through changes, outages and lies: it never counts on a lease that may be over. */

import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { lockedResources } from './python-daemon.js';
import { script } from './python-process.js';

/** What a script printed, one line each; it must have ended well and been silent otherwise. */
async function said(source: string, url: string): Promise<string[]> {
  const { status, stdout, stderr } = await script(source, url);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

/** Takes connections, and never answers. */
async function silentServer(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describeWith(['python3'], 'lockd.py and its holds', () => {
  test('a lease that was made shorter, or just now, is renewed in time', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, time
long, none = lockd.lock('long', ttl=600), lockd.lock('none', ttl=None)
print(none.ttl, none.left)
long.update(ttl=8)
none.update(ttl=8, note='now')
time.sleep(10)
for hold in (long, none):
    hold.check(ask=True)
    print(hold.ttl, hold.note)
`,
      url,
    );
    expect(lines).toEqual(['None None', '8.0 None', '8.0 now']);
  });

  test('without its thread it is renewed by hand, and says when it is over', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, time
hold = lockd.lock('r', ttl=8, renew=False)
for _ in range(3):
    time.sleep(3)
    hold.renew()
print(hold.lost, hold.left > 4)
time.sleep(8)
try: hold.renew()
except lockd.LockLost as lost: print('could not be renewed in time' in str(lost))
`,
      url,
    );
    expect(lines).toEqual(['False True', 'True']);
  });

  test('the answer to a renewal that was sent before a change says nothing of the lease', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, threading
hold = lockd.lock('r', ttl=600, renew=False)
real, late = lockd.Client._call, threading.Event()
def held_up(self, method, *args, **more):
    answer = real(self, method, *args, **more)
    if method == 'renew': late.wait(10)
    return answer
lockd.Client._call = held_up
renewal = threading.Thread(target=hold.renew)
renewal.start()
while lockd.default_client().history('r', count=1) == []: pass
hold.update(ttl=5)
late.set()
renewal.join()
print(hold.ttl, hold.left < 5)
`,
      url,
    );
    expect(lines).toEqual(['5.0 True']);
  });

  test('name servers that are down end no lease, however many calls there are at once', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, socket, threading, time
hold = lockd.lock('r', ttl=6)
asked = []
def down(host, *_, **__):
    asked.append(host)
    raise socket.gaierror('name server is down')
real, socket.getaddrinfo = socket.getaddrinfo, lambda host, *more, **named: (real if host == '127.0.0.1' else down)(host, *more, **named)
time.sleep(8)
calls = [threading.Thread(target=hold.check, kwargs={'ask': True}) for _ in range(20)]
for call in calls:
    call.start()
for call in calls:
    call.join()
print(asked)
`,
      url.replace('127.0.0.1', 'localhost'),
    );
    expect(lines).toEqual(['[]']);
  });

  test('a daemon that takes its time for each answer keeps its locks', async () => {
    const { url } = await serve();
    const slow = createHttpServer((request, response) => {
      void (async () => {
        const body = await text(request);
        if (body.includes('>renew<')) await pause(6_000);
        const answer = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'text/xml' } });
        response.writeHead(answer.status, { 'Content-Type': 'text/xml' }).end(await answer.text());
      })().catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void slow.close());
    const lines = await said(
      "import lockd, time\nhold = lockd.lock('r', ttl=15)\ntime.sleep(16)\nhold.check(ask=True)\nprint('held')\nhold.release()",
      `http://127.0.0.1:${(slow.address() as AddressInfo).port}`,
    );
    expect(lines).toEqual(['held']);
  });

  test('an address that hangs is passed over by the next renewal', async () => {
    const [{ url }, hanging] = await Promise.all([serve(), silentServer()]);
    const { status, stdout } = await script(
      `
import lockd, time
client = lockd.Client('${url},${hanging}')
hold = client.lock('r', ttl=6)
client._turn = 1
time.sleep(8)
hold.check()
print('held')
`,
      url,
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'held\n' });
  });

  test('a question whose answer is lost has changed nothing, and says so', async () => {
    const url = await silentServer();
    const lines = await said(
      `
import lockd
client = lockd.Client(timeout=0.2)
for call in (client.stats, lambda: client.check('r', '1'), lambda: client.lock('r', wait=0)):
    try: call()
    except lockd.Unavailable as problem: print(type(problem).__name__, str(problem).split(' (')[0])
`,
      url,
    );
    expect(lines).toEqual([
      `Unavailable No daemon answers at ${url}`,
      `Unavailable No daemon answers at ${url}`,
      `OutcomeUnknown The daemon at ${url} was sent lock, but its answer was lost`,
    ]);
  });

  test('a program with many holds ends soon although the daemon hangs', async () => {
    const { url, daemon } = await serve();
    const lines = await said(
      `
import lockd, os, signal, time
holds = [lockd.lock('r%d' % n, ttl=600) for n in range(20)]
os.kill(${daemon.child.pid}, signal.SIGSTOP)
start = time.monotonic()
import atexit
atexit._run_exitfuncs()
print(time.monotonic() - start < 10)
os.kill(${daemon.child.pid}, signal.SIGCONT)
`,
      url,
    );
    expect(lines).toEqual(['True']);
    daemon.child.kill('SIGCONT');
    expect((await lockedResources(url)).length).toBeGreaterThan(0);
  });

  test.each([
    ['http://a b', 'must be written without spaces'],
    ['http://', 'must be like http://127.0.0.1:7420'],
    ['open://, http://a', 'must not name open:// beside other addresses'],
  ])('the address %s is none', async (address, problem) => {
    const lines = await said(
      `
import lockd
try: lockd.Client(${JSON.stringify(address)})
except lockd.BadParameter as wrong: print(wrong)
`,
      'http://127.0.0.1:1',
    );
    expect(lines[0]).toContain(problem);
  });

  test('a host that cannot be one is no daemon', async () => {
    const lines = await said(
      `
import lockd
try: lockd.Client('http://' + 'a' * 70 + '.b', retry=lockd.Retry(1)).stats()
except lockd.Unavailable as problem: print(type(problem).__name__)
`,
      'http://127.0.0.1:1',
    );
    expect(lines).toEqual(['Unavailable']);
  });
});
