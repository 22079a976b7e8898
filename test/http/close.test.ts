import { expect, test } from 'vitest';
import { eventually, serve } from './fixture.js';
import { post, request, Wire } from './wire.js';

test('idle connections are closed at once, and nobody is accepted any more', async () => {
  const { server, wire, url } = await serve();
  const silent = await wire();
  const used = await wire();
  await used.send(post('a')).answer();
  await eventually(() => server.connections === 2);
  await Promise.all([server.close(), silent.closed, used.closed]);
  expect(server.connections).toBe(0);
  await expect(Wire.to(url)).rejects.toThrow('ECONNREFUSED');
});

test('what is in flight is answered, and the answer says that it is the last', async () => {
  const { server, wire, calls, seen } = await serve({ byHand: true });
  const peer = await wire();
  peer.send(post('a'));
  await seen(1);
  const closed = server.close();
  calls[0]?.answer('done');
  const answer = await peer.answer();
  expect(answer.body).toBe('done');
  expect(answer.headers.get('connection')).toBe('close');
  await closed;
  await peer.closed;
});

test('of pipelined calls all are answered, whichever is done first', async () => {
  const { server, wire, calls, seen } = await serve({ byHand: true });
  const peer = await wire();
  peer.send(post('a') + post('b') + post('c'));
  await seen(3);
  const closed = server.close();
  for (const call of calls.toReversed()) call.answer(call.body);
  const answers = [await peer.answer(), await peer.answer(), await peer.answer()];
  expect(answers.map(({ body }) => body)).toEqual(['a', 'b', 'c']);
  expect(answers.map(({ headers }) => headers.get('connection'))).toEqual([
    'keep-alive',
    'keep-alive',
    'close',
  ]);
  await closed;
});

test('a request whose body is still coming is in flight', async () => {
  const { server, wire, calls } = await serve();
  const peer = await wire();
  peer.send(
    request('POST /', [
      'Host: localhost',
      'Content-Type: text/xml',
      'Content-Length: 3',
      'Expect: 100-continue',
    ]),
  );
  await peer.until('100 Continue\r\n\r\n');
  const closed = server.close();
  expect((await peer.send('abc').answer()).body).toBe('<abc>');
  await closed;
  expect(calls).toHaveLength(1);
});

test('what comes after that is neither done nor answered', async () => {
  const { server, wire, calls, seen } = await serve({ byHand: true });
  const peer = await wire();
  peer.send(post('a'));
  await seen(1);
  const closed = server.close();
  await new Promise((sent) => peer.socket.write(post('b'), sent));
  const other = await serve();
  await (await other.wire()).send(post('the loop has read its sockets')).answer();
  calls[0]?.answer('done');
  expect((await peer.answer()).body).toBe('done');
  await closed;
  await peer.closed;
  expect(peer.rest).toBe('');
  expect(calls).toHaveLength(1);
});

test('an answer that is written but not yet sent is sent', async () => {
  const timeouts = { closeMs: 20_000, answerMs: 20_000 };
  const { server, wire, calls, seen } = await serve({ byHand: true, timeouts });
  const peer = await wire();
  peer.socket.pause();
  peer.send(post('a'));
  await seen(1);
  const body = 'x'.repeat(10_000_000);
  calls[0]?.answer(body);
  await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close();
  peer.socket.resume();
  expect((await peer.answer()).body).toHaveLength(body.length);
  await closed;
});

test('what is never answered is cut', async () => {
  const { server, wire, seen } = await serve({ byHand: true, timeouts: { closeMs: 50 } });
  const peer = await wire();
  peer.send(post('a'));
  await seen(1);
  await server.close();
  await peer.closed;
  expect(peer.rest).toBe('');
});

test('closing twice is closing once', async () => {
  const { server } = await serve();
  expect(server.close()).toBe(server.close());
  await server.close();
});
