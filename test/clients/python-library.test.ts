/** clients/lockd.py as a module, against a real daemon. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { lockedResources } from './python-daemon.js';
import { script } from './python-process.js';

/** What a script printed, one line each; it must have ended well and been silent otherwise. */
async function said(text: string, url: string, variables: Record<string, string> = {}): Promise<string[]> {
  const { status, stdout, stderr } = await script(text, url, variables);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

/** Answers every request with one body, as text/xml. */
async function serverThatSays(
  body: string,
  status = 200,
  headers: Record<string, string> = {},
): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(status, { 'Content-Type': 'text/xml', ...headers }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describeWith(['python3'], 'lockd.py as a module', () => {
  test('a lock in a with statement is renewed, and given back at its end', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, time
with lockd.lock('deploy/prod', ttl=6, note='why') as hold:
    time.sleep(8)
    hold.check(ask=True)
    status = lockd.default_client().status('deploy/prod')
    print(status['holders'][0]['token'] == hold.token, status['holders'][0]['note'], hold.lost, 0 < hold.left <= 5.4)
print(lockd.default_client().status('deploy/prod')['state'], hold.lost)
`,
      url,
    );
    expect(lines).toEqual(['True why False True', 'free False']);
  });

  test('another one is refused, waits, gives up, and gets it in the end', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, threading
one, other = lockd.Client(client='one'), lockd.Client(client='other')
hold = one.lock('r')
for options in ({'wait': 0}, {'wait': 0.2}):
    try: other.lock('r', **options)
    except lockd.Refused as refused: print(type(refused).__name__, refused.code, refused.text)
print(other.try_lock('r'), other.try_lock('r', wait=0.1))
threading.Timer(0.3, hold.release).start()
later = other.lock('r', wait=30)
print(int(later.token) > int(hold.token), len(later.answer) > 5)
`,
      url,
    );
    expect(lines).toEqual([
      "Held 1 Resource already locked by 'one'",
      "TimedOut 4 Gave up after 0.2 s: 'r' is still locked by 'one'; 'other' was number 1 in the line",
      'None None',
      'True True',
    ]);
    // The end of the program has given it back.
    expect(await lockedResources(url)).toEqual([]);
  });

  test('every refusal has a class, a number and a text', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd
a, b = lockd.Client(client='a'), lockd.Client(client='b')
hold = a.lock('r', request='key', ttl=None)
def tried(call, *args, **options):
    try: print(call(*args, **options))
    except lockd.Refused as refused: print(type(refused).__name__, refused.code, refused.exit_status, refused)
tried(b.unlock, 'r')
tried(a.unlock, 'nothing')
tried(a.unlock, 'r', token='5')
tried(b.lock, 'r', limit=2, wait=0)
tried(a.lock, 'r', request='key', limit=3)
hold.release()
tried(a.lock, 'r', request='key', ttl=None)
tried(a.lock, 'r', ttl=1e9)
tried(a.lock, chr(1))
`,
      url,
    );
    expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'NotOwner 2 1',
      'NotLocked 3 1',
      'StaleToken 10 76',
      'LimitMismatch 5 1',
      'RequestReused 11 2',
      'Ended 17 1',
      'BadParameter -32602 2',
      'BadParameter -32602 2',
    ]);
  });

  test('a semaphore lets in as many as its limit', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd
holds = [lockd.Client(client='c%d' % n).lock('racks', limit=3, wait=0) for n in range(3)]
print(lockd.Client(client='c3').try_lock('racks', limit=3))
holds[1].release()
print(lockd.Client(client='c3').try_lock('racks', limit=3).limit)
`,
      url,
    );
    expect(lines).toEqual(['None', '3']);
  });

  test('a lock in two steps keeps its place, and can be called off', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd
a, b, c = (lockd.Client(client=name) for name in 'abc')
hold = a.lock('r')
second, third = b.enqueue('r', ttl=20), c.enqueue('r')
print(second.position, third.position)
try: second.wait(0.1)
except lockd.TimedOut as refused: print(refused.code)
third.cancel()
print([place['client'] for place in a.status('r')['queue']])
hold.release()
mine = second.wait(5)
print(mine.client, second.wait(5) is mine)
at_once = c.enqueue('free')
print(at_once.position, at_once.wait(0).resource)
at_once.cancel()
print(a.status('free')['state'])
`,
      url,
    );
    expect(lines).toEqual(['1 2', '4', "['b']", 'b True', '0 free', 'free']);
  });

  test('a loss is noticed, told, and stops the with statement', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, threading, time
told = threading.Event()
try:
    with lockd.lock('r', ttl=3) as hold:
        hold.on_loss(lambda hold: told.set())
        lockd.Client(client='op').force_unlock('r', 'maintenance')
        print(told.wait(5), hold.lost)
        hold.check()
except lockd.LockLost as lost:
    print('maintenance' in str(lost))
try:
    with lockd.lock('s', ttl=60) as hold:
        lockd.Client(client='op').force_unlock('s', 'again')
except lockd.LockLost as lost:
    print('again' in str(lost))
`,
      url,
    );
    expect(lines).toEqual(['True True', 'True', 'True']);
  });

  test('a loss that only the daemon knows of is found by asking, and hides no other error', async () => {
    const { url } = await serve();
    const { status, stdout, stderr } = await script(
      `
import lockd
with lockd.lock('r', ttl=60) as hold:
    lockd.Client(client='op').force_unlock('r', 'asked')
    hold.check()
    try: hold.check(ask=True)
    except lockd.LockLost as lost: print('no current hold' in str(lost), hold.lost)
    raise SystemExit(3)
`,
      url,
    );
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'True True\n' });
    expect(stderr).toContain("lost 'r'");
  });

  test('what a child process does leaves the hold of its parent alone', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, os, time
hold = lockd.lock('r', ttl=6)
name = hold.client
child = os.fork()
if child == 0:
    hold.release()
    raise SystemExit(0 if lockd.default_client().client != name else 1)
print(os.waitpid(child, 0)[1])
time.sleep(8)
hold.check(ask=True)
print('held')
`,
      url,
      // Newer Pythons warn of every fork beside a thread.
      { PYTHONWARNINGS: 'ignore::DeprecationWarning' },
    );
    expect(lines).toEqual(['0', 'held']);
  });

  test('threads take turns', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, threading
inside, most = 0, 0
def work(n):
    global inside, most
    client = lockd.Client(client='t%d' % n)
    for _ in range(3):
        with client.lock('r', wait=20):
            inside += 1
            most = max(most, inside)
            inside -= 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(most, len(lockd.default_client().history('r', count=1000)) >= 48)
`,
      url,
    );
    expect(lines).toEqual(['1 True']);
  });

  test('the clock counts sleep: a lease that ended meanwhile is lost at the next look', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd
hold = lockd.lock('r', ttl=600)
print(hold.lost)
asleep = lockd._sleepless
lockd._sleepless = lambda: asleep() + 541
print(hold.lost)
lockd._sleepless = asleep
print(hold.lost)
`,
      url,
    );
    // Once lost is lost for good: the daemon may have given it to somebody else.
    expect(lines).toEqual(['False', 'True', 'True']);
  });

  test('Ctrl-C while waiting leaves the line', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd, os, signal, threading
hold = lockd.Client(client='a').lock('r')
def interrupt():
    while hold._daemon.status('r')['waiting'] == 0: pass
    os.kill(os.getpid(), signal.SIGINT)
try:
    threading.Thread(target=interrupt).start()
    lockd.lock('r', wait=60)
except KeyboardInterrupt: print('interrupted')
print(hold.client, lockd.default_client().status('r')['waiting'])
`,
      url,
    );
    expect(lines).toEqual(['interrupted', 'a 0']);
  });

  test('open:// grants everything with token 0, and says so', async () => {
    const { status, stdout, stderr } = await script(
      `
import lockd
with lockd.lock('r', ttl=None) as hold: print(hold.token)
print(lockd.enqueue('r', ttl=None).wait(1).token)
try: lockd.gate('/nowhere', hold.token)
except lockd.GateRefused as refused: print(refused)
`,
      'open://',
    );
    expect({ status, stdout: stdout.split('\n').slice(0, 2) }).toEqual({ status: 0, stdout: ['0', '0'] });
    expect(stdout).toContain('does not let it pass');
    expect(stderr).toContain('every lock is granted and none is real');
  });

  const HOLD = `<?xml version="1.0"?>%<methodResponse><params><param><value><struct><member><name>token</name><value>1</value>
    </member><member><name>waited</name><value><double>0.0</double></value></member></struct></value></param></params></methodResponse>`;

  test.each([
    ['a DOCTYPE', HOLD.replace('%', '<!DOCTYPE a [<!ENTITY b "c">]>'), 200, 'OutcomeUnknown'],
    ['a redirect', '', 302, 'NotLockd'],
    ['another page', 'hello', 404, 'NotLockd'],
    ['an error of a proxy', 'hello', 502, 'OutcomeUnknown'],
    ['half an answer', HOLD.replace('%', '').slice(0, 90), 200, 'OutcomeUnknown'],
    ['an answer that is no hold', HOLD.replace('%', '').replace('token', 'taken'), 200, 'NotLockd'],
  ])('%s is not believed', async (_, body, status, error) => {
    const url = await serverThatSays(body, status, { Location: 'http://127.0.0.1:1/' });
    const lines = await said(
      `
import lockd
try: print(lockd.Client(retry=lockd.Retry(2, 0.01)).lock('r', wait=0))
except lockd.Unavailable as problem: print(type(problem).__name__)
`,
      url,
    );
    expect(lines).toEqual([error]);
  });

  test('the answer of another cluster is not believed, one of the same is', async () => {
    const answer = HOLD.replace('%', '');
    const [one, same, other] = await Promise.all([
      serverThatSays(answer, 200, { 'X-Lockd-Id': 'A' }),
      serverThatSays(answer, 200, { 'X-Lockd-Id': 'A' }),
      serverThatSays(answer, 200, { 'X-Lockd-Id': 'B' }),
    ]);
    const lines = await said(
      `
import lockd, sys
for urls in ('${one},${same}', '${one},${other}'):
    client = lockd.Client(urls)
    client.renew('r')
    client._turn += 1
    try: print(client.renew('r')['token'])
    except lockd.NotLockd as problem: print('another lockd (B)' in str(problem))
`,
      one,
    );
    expect(lines).toEqual(['1', 'True']);
  });

  test('of several addresses the one that answers is used', async () => {
    const { url } = await serve();
    const lines = await said("import lockd; print(lockd.lock('r').resource)", `http://127.0.0.1:1, ${url}`);
    expect(lines).toEqual(['r']);
  });

  test('the class for Robot Framework, called as a robot would', async () => {
    const { url } = await serve();
    const lines = await said(
      `
import lockd
robot = lockd.lockd()
token = robot.lock_resource('rack', ttl='1 minute', wait='2s', limit='1')
robot.resource_should_be_locked('rack')
print(robot.get_lock_token('rack') == token, robot.ROBOT_LIBRARY_SCOPE, lockd._robot_seconds('10 minutes'))
lockd.Client(client='op').force_unlock('rack', 'why')
try: robot.resource_should_be_locked('rack')
except AssertionError as problem: print(token in str(problem))
try: robot.unlock_resource('rack')
except lockd.LockLost: print('lost')
try: robot.unlock_resource('rack')
except AssertionError as problem: print(problem)
robot.lock_resource('rack'), robot.lock_resource('rack2'), robot.lock_resource('rack3')
lockd.Client(client='op').force_unlock('rack2', 'why')
try: robot.unlock_all_resources()
except lockd.LockLost as lost: print('rack2' in str(lost), lockd.default_client().list())
print([lockd._robot_seconds(text) for text in ('1 min 30 s', '1h30m', '0.5', 'none')])
for text in ('soon', '', '1 fortnight', '5 s x'):
    try: print(lockd._robot_seconds(text))
    except lockd.BadParameter: pass
`,
      url,
    );
    expect(lines).toEqual([
      'True GLOBAL 600.0',
      'True',
      'lost',
      "'rack' is not locked here: use Lock Resource first",
      'True []',
      '[90.0, 5400.0, 0.5, None]',
    ]);
  });
});
