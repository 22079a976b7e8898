/** The file of a Unix socket, from before the start to after the end. */
import { existsSync, lstatSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listenAtSocket } from '../../src/http/socket-file.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { serve } from './fixture.js';
import { post, request, Wire } from './wire.js';

const path = () => join(temporaryDirectory(), 'socket');

async function ended(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/** A socket file at which nobody listens, as a killed process leaves it. */
async function leftover(at: string): Promise<void> {
  const server = createServer();
  await listenAtSocket(server, `${at}.then`);
  // Under another name it is not removed when the server ends.
  renameSync(`${at}.then`, at);
  await ended(server);
}

test('calls come in by it, from `unix`, whatever they call the host', async () => {
  const at = path();
  const { server, calls } = await serve({ addresses: [{ path: at }] });
  expect(server.urls).toEqual([`unix:${at}`]);
  const peer = await Wire.at(at);
  const message = post('a').replace('Host: localhost', 'Host: whatever.example');
  expect((await peer.send(message).answer()).body).toBe('<a>');
  expect(calls[0]?.context.from).toBe('unix');
  expect((await peer.send(request('GET /healthz', ['Host:'])).answer()).status).toBe(200);
  expect((await peer.send(request('GET /healthz', ['Host: <script>'])).answer()).status).toBe(400);
});

test('pages of other sites are refused there too', async () => {
  const at = path();
  const { calls } = await serve({ addresses: [{ path: at }] });
  const peer = await Wire.at(at);
  const headers = ['Content-Type: text/xml', 'Sec-Fetch-Site: cross-site'];
  expect((await peer.send(post('a', headers)).answer()).status).toBe(403);
  expect(calls).toEqual([]);
});

test('it is for its owner alone, and gone after the end', async () => {
  const at = path();
  const before = process.umask(0o000);
  onTestFinished(() => void process.umask(before));
  const { server } = await serve({ addresses: [{ path: at }] });
  expect(process.umask()).toBe(0o000);
  expect(lstatSync(at).mode & 0o777).toBe(0o600);
  await server.close();
  expect(existsSync(at)).toBe(false);
});

test('nobody else can open it at any moment', async () => {
  const at = path();
  const before = process.umask(0o000);
  onTestFinished(() => void process.umask(before));
  const server = createServer();
  onTestFinished(() => ended(server));
  const modes: number[] = [];
  const listen = server.listen.bind(server) as (path: string) => Server;
  server.listen = ((where: string) => {
    const listening = listen(where);
    modes.push(lstatSync(where).mode & 0o077);
    return listening;
  }) as Server['listen'];
  await listenAtSocket(server, at);
  expect(modes).toEqual([0]);
});

test('one at which nobody listens any more is replaced', async () => {
  const at = path();
  await leftover(at);
  expect(lstatSync(at).isSocket()).toBe(true);
  await serve({ addresses: [{ path: at }] });
  const peer = await Wire.at(at);
  expect((await peer.send(post('a')).answer()).body).toBe('<a>');
});

describe('left alone, with a word why', () => {
  test('is one at which somebody listens', async () => {
    const at = path();
    await serve({ addresses: [{ path: at }] });
    await expect(serve({ addresses: [{ path: at }] })).rejects.toThrow(
      `Cannot listen on unix:${at}: somebody listens there already, perhaps another lockd`,
    );
    const peer = await Wire.at(at);
    expect((await peer.send(post('a')).answer()).body).toBe('<a>');
  });

  test.each<[string, (at: string) => void]>([
    ['a file', (at) => writeFileSync(at, 'precious')],
    ['a directory', (at) => mkdirSync(at)],
    ['a symbolic link', (at) => symlinkSync('elsewhere', at)],
  ])('is %s', async (_, make) => {
    const at = path();
    make(at);
    await expect(serve({ addresses: [{ path: at }] })).rejects.toThrow(
      `Cannot listen on unix:${at}: something else has this name; remove it, or choose another path`,
    );
    expect(lstatSync(at)).toBeDefined();
  });

  test('is a directory that is not there', async () => {
    const at = join(temporaryDirectory(), 'nowhere', 'socket');
    await expect(serve({ addresses: [{ path: at }] })).rejects.toThrow(
      `Cannot listen on unix:${at}: there is no directory`,
    );
  });
});
