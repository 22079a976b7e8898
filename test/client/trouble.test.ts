/** What a client says, and what it sends again, when no proper answer comes. */
import { Agent } from 'node:http';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import serializer from 'xmlrpc/lib/serializer.js';
import { LockdClient } from '../../src/client/client.js';
import { NoDaemon, NotLockd, OutcomeUnknown } from '../../src/client/errors.js';
import { deadUrl, httpAnswer, httpServer, tcpServer, xmlAnswer } from './servers.js';

const STATUS = {
  ...{ resource: 'r', state: 'free', limit: 1, held: 0, holders: [] },
  ...{ waiting: 0, queue: [], file: '/r.lock' },
};

const HOLD = {
  ...{ resource: 'r', client: 'A', token: '17', limit: 1, state: 'held', from: '127.0.0.1:1', waited: 0 },
  ...{ acquired: new Date(0), renewed: new Date(0) },
};

function clientOf(url: string, timeoutSeconds = 5): LockdClient {
  return new LockdClient({ url, client: 'A', timeoutSeconds, retryPausesSeconds: [0, 0] });
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => new Error('it succeeded'),
    (error: Error) => error,
  );
}

describe('nobody listens', () => {
  test.each(['lock', 'status'] as const)('%s', async (method) => {
    const url = await deadUrl();
    const error = await failureOf(clientOf(url)[method]('r'));
    expect(error).toBeInstanceOf(NoDaemon);
    expect(error.message).toBe(
      `No daemon answers at ${url} (connection refused; 3 tries). ` +
        'Start one with: lockd serve. Or name the right address with --url or LOCKD_URL',
    );
  });

  test('a daemon that comes up between the tries is found', async () => {
    let tries = 0;
    const url = await tcpServer((socket) => {
      tries += 1;
      if (tries < 3) socket.destroy();
      else socket.once('data', () => socket.end(xmlAnswer(STATUS)));
    });
    expect(await clientOf(url).status('r')).toMatchObject({ state: 'free' });
    expect(tries).toBe(3);
  });

  test('a host that does not exist is not tried again', async () => {
    const error = await failureOf(clientOf('http://no-such-host.invalid:7420').status('r'));
    expect(error).toBeInstanceOf(NoDaemon);
    expect(error.message).toMatch(/^No daemon answers at http:\/\/no-such-host\.invalid:7420 \(/);
  });
});

describe('the answer of a change is lost: it is not sent again, and the outcome is unknown', () => {
  const changes = {
    cancel: (client: LockdClient) => client.cancel('r'),
    unlock: (client: LockdClient) => client.unlock('r'),
    extend: (client: LockdClient) => client.extend('r', 60),
    update: (client: LockdClient) => client.update('r', { newClient: 'B' }),
    forceUnlock: (client: LockdClient) => client.forceUnlock('r', { reason: 'test' }),
    confirmFenced: (client: LockdClient) => client.confirmFenced('r', { reason: 'test' }),
    call: (client: LockdClient) => client.call('anything'),
  };
  test.each(Object.entries(changes))('%s', async (name, change) => {
    let tries = 0;
    const url = await tcpServer((socket) => {
      tries += 1;
      socket.once('data', () => socket.destroy());
    });
    const error = await failureOf(change(clientOf(url)));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error.message).toBe(
      `The daemon at ${url} was sent ${name === 'call' ? 'anything' : name}, but its answer was lost (socket hang up): ` +
        'it may have been carried out or not',
    );
    expect(tries).toBe(1);
  });

  const whole = xmlAnswer(true);
  test.each([
    ['cut in the head', whole.slice(0, 20)],
    ['cut in the body', whole.slice(0, -10)],
    [
      'XML that is cut, with a length that says so',
      'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 6\r\n\r\n<metho',
    ],
    ['502 of a proxy', 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'],
  ])('%s', async (_, answer) => {
    const url = await tcpServer((socket) => void socket.once('data', () => socket.end(answer)));
    const error = await failureOf(clientOf(url).unlock('r'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error.message).toContain(`The daemon at ${url} was sent unlock, but its answer was lost (`);
  });
});

describe('the answer of a change is lost that is the same twice as once: it is sent again', () => {
  const changes = {
    lock: (client: LockdClient) => client.lock('r'),
    enqueue: (client: LockdClient) => client.enqueue('r'),
    wait: (client: LockdClient) => client.wait('r', 0),
    renew: (client: LockdClient) => client.renew('r', { ttl: 30 }),
    update: (client: LockdClient) => client.update('r', { note: 'new' }),
  };
  test.each(Object.entries(changes))('%s, as it was, with its key', async (name, change) => {
    const sent: string[] = [];
    const answer = xmlAnswer(name === 'enqueue' ? { state: 'queued', position: 1 } : HOLD);
    const url = await tcpServer((socket, number) => {
      socket.once('data', (bytes) => {
        sent.push(String(bytes).split('\r\n\r\n')[1] ?? '');
        if (number === 1) socket.destroy();
        else socket.end(answer);
      });
    });
    await change(clientOf(url));
    expect(sent).toHaveLength(2);
    expect(sent[1]).toBe(sent[0]);
    expect(sent[0]?.includes('<name>request</name>')).toBe(name === 'lock' || name === 'enqueue');
  });

  test.each([
    ['the 502 of a proxy', 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'],
    ['XML that is cut', 'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 6\r\n\r\n<metho'],
  ])('also after %s', async (_, answer) => {
    const url = await tcpServer((socket, number) => {
      socket.once('data', () => socket.end(number === 1 ? answer : xmlAnswer(HOLD)));
    });
    expect(await clientOf(url).lock('r')).toMatchObject({ token: '17' });
  });

  test('three times; then the outcome is unknown', async () => {
    let tries = 0;
    const url = await tcpServer((socket) => {
      tries += 1;
      socket.once('data', () => socket.destroy());
    });
    const error = await failureOf(clientOf(url).lock('r'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(tries).toBe(3);
  });

  test('also where the last tries met nobody any more', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        server.close();
        socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const error = await failureOf(clientOf(`http://127.0.0.1:${port}`).lock('r'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error.message).toMatch(/was sent lock, but its answer was lost \(connection refused\)/);
  });
});

describe('a call that waits', () => {
  test('may take as long as it waits beyond the time of other calls', async () => {
    const url = await tcpServer((socket) => {
      socket.once('data', () => setTimeout(() => socket.end(xmlAnswer(HOLD)), 150));
    });
    const client = clientOf(url, 0.05);
    expect(await client.wait('r', 2)).toMatchObject({ token: '17' });
    expect(await client.lock('r', { wait: 2 })).toMatchObject({ token: '17' });
    await expect(client.wait('r', 0)).rejects.toBeInstanceOf(OutcomeUnknown);
  });

  test('is not sent again as it is, because some of its time is over', async () => {
    let tries = 0;
    const url = await tcpServer((socket) => {
      tries += 1;
      socket.once('data', () => socket.destroy());
    });
    await expect(clientOf(url).wait('r', 5)).rejects.toBeInstanceOf(OutcomeUnknown);
    expect(tries).toBe(1);
  });
});

describe('the answer to an unlock is lost', () => {
  const refused = (code: number) =>
    httpAnswer(serializer.serializeFault({ faultCode: code, faultString: 'refused' }));

  test.each([
    [2, 'notOwner'],
    [3, 'notLocked'],
    [10, 'staleToken'],
  ])('with a token it is sent again, and done when it is refused as %i, %s', async (code) => {
    const url = await tcpServer((socket, number) => {
      socket.once('data', () => (number === 1 ? socket.destroy() : socket.end(refused(code))));
    });
    expect(await clientOf(url).unlock('r', { token: '17' })).toBe(true);
  });

  test('a first one that is refused is refused', async () => {
    const url = await tcpServer((socket) => void socket.once('data', () => socket.end(refused(3))));
    await expect(clientOf(url).unlock('r', { token: '17' })).rejects.toMatchObject({ refusal: 'notLocked' });
  });

  test('and a second one that finds it lost says so', async () => {
    const url = await tcpServer((socket, number) => {
      socket.once('data', () => (number === 1 ? socket.destroy() : socket.end(refused(8))));
    });
    await expect(clientOf(url).unlock('r', { token: '17' })).rejects.toMatchObject({ refusal: 'lost' });
  });
});

describe('the answer of a question is lost: it is asked again', () => {
  test('until it is answered', async () => {
    const url = await tcpServer((socket, number) => {
      socket.once('data', () => (number === 1 ? socket.destroy() : socket.end(xmlAnswer(STATUS))));
    });
    expect(await clientOf(url).status('r')).toMatchObject({ resource: 'r' });
  });

  test('or three times', async () => {
    let tries = 0;
    const url = await tcpServer((socket) => {
      tries += 1;
      socket.once('data', () => socket.destroy());
    });
    expect(await failureOf(clientOf(url).status('r'))).toBeInstanceOf(NoDaemon);
    expect(tries).toBe(3);
  });
});

describe('no answer in time', () => {
  test.each([
    ['none at all', ''],
    ['the beginning of one', xmlAnswer(true).slice(0, -10)],
  ])('%s', async (_, answer) => {
    let tries = 0;
    const url = await tcpServer((socket) => {
      tries += 1;
      socket.once('data', () => socket.write(answer));
    });
    const client = clientOf(url, 0.05);
    const change = await failureOf(client.unlock('r'));
    expect(change).toBeInstanceOf(OutcomeUnknown);
    expect(change.message).toContain('its answer was lost (no answer within 0.05 s)');
    const question = await failureOf(client.status('r'));
    expect(question).toBeInstanceOf(NoDaemon);
    expect(question.message).toBe(
      `The daemon at ${url} did not answer status (no answer within 0.05 s). Try again, and look at its log`,
    );
    expect(tries).toBe(2);
  });
});

test('no connection in time: the time to connect is not the time to answer', async () => {
  /** Its connections are never made. */
  class Nowhere extends Agent {
    override createConnection(): Socket {
      return Object.assign(new Socket(), { connecting: true });
    }
  }
  const options = { url: 'http://lockhost:7420', agent: new Nowhere(), connectTimeout: 0.05, timeout: 600 };
  const client = new LockdClient({ ...options, retry: { attempts: 2, delay: 0 } });
  const error = await failureOf(client.lock('r'));
  expect(error).toBeInstanceOf(NoDaemon);
  expect(error.message).toContain(
    'No daemon answers at http://lockhost:7420 (no connection within 0.05 s; 2 tries)',
  );
});

describe('somebody else answers', () => {
  const ending = 'Is it the address of a lockd? Name the right one with --url or LOCKD_URL';

  test('a web server', async () => {
    const url = await httpServer((_, response) => {
      response.setHeader('Content-Type', 'text/html').end('<html>Welcome</html>');
    });
    const error = await failureOf(clientOf(url).lock('r'));
    expect(error).toBeInstanceOf(NotLockd);
    expect(error.message).toBe(`${url} does not answer as a lockd does (HTTP status 200). ${ending}`);
  });

  test('a refusal in plain words is passed on', async () => {
    const url = await httpServer((_, response) => {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Nothing\nhere\n');
    });
    const error = await failureOf(clientOf(url).lock('r'));
    expect(error.message).toBe(
      `${url} does not answer as a lockd does (HTTP status 404: Nothing here). ${ending}`,
    );
  });

  test('no HTTP at all', async () => {
    const url = await tcpServer((socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    const error = await failureOf(clientOf(url).lock('r'));
    expect(error).toBeInstanceOf(NotLockd);
    expect(error.message).toBe(`${url} does not answer as a lockd does (it speaks no HTTP). ${ending}`);
  });

  test.each([301, 302, 303, 307, 308])('a redirect is not followed: %i', async (status) => {
    const asked: string[] = [];
    const url = await httpServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(status, { Location: '/elsewhere' }).end();
    });
    const error = await failureOf(clientOf(url).lock('r'));
    expect(error).toBeInstanceOf(NotLockd);
    expect(error.message).toBe(
      `${url} answers with a redirect to /elsewhere, and none is followed. ` +
        'Name the address of the daemon itself with --url or LOCKD_URL',
    );
    expect(asked).toEqual(['/']);
  });

  test.each([
    ['another type', 'yes', 'is not a struct'],
    ['a member is missing', { resource: 'r' }, "has no text 'state'"],
    ['a member of another type', { ...STATUS, held: 'one' }, "has no number 'held'"],
    ['holders that are none', { ...STATUS, holders: 'A' }, 'has no array as holders'],
    [
      'a hold without its time',
      { ...STATUS, holders: [{ resource: 'r', client: 'A', token: '1', limit: 1, state: 'held' }] },
      "has no dateTime 'acquired'",
    ],
  ])('XML-RPC, but %s', async (_, value, problem) => {
    const url = await tcpServer((socket) => void socket.once('data', () => socket.end(xmlAnswer(value))));
    const error = await failureOf(clientOf(url).status('r'));
    expect(error).toBeInstanceOf(NotLockd);
    expect(error.message).toBe(
      `The answer of ${url} to status ${problem}. Is it a lockd of another version? Look with: lockd ping`,
    );
  });
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:7420', "must be like http://127.0.0.1:7420, not '127.0.0.1:7420'"],
    ['localhost:7420', "must be like http://127.0.0.1:7420, not 'localhost:7420'"],
    ['ftp://h:7420', "must be like http://127.0.0.1:7420, not 'ftp://h:7420'"],
    ['unix:', "must be like http://127.0.0.1:7420, not 'unix:'"],
    ['unix://h/socket', "must be like http://127.0.0.1:7420, not 'unix://h/socket'"],
    ['http://h:7420/?a=b', "must end with its path, not '?a=b'"],
  ])('%s', (url, message) => {
    expect(() => new LockdClient({ url })).toThrow(message);
  });
});
