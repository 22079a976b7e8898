/**
 * SIGTERM with everything going on at once: 64 clients that write, others that wait, a fence command that runs, peers that
 * never read their answers or never end their requests. All are told, nothing is half done, and it is over within 5 s.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { post, request, Wire } from '../http/wire.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { callOf } from '../xmlrpc/documents.js';
import { Caller, Refused } from './caller.js';
import { eventually } from './eventually.js';

const WRITERS = 64;
const WAITERS = 100;
const SLOW_PEERS = 30;
const STOP_MS = 5_000;

/** What a writer knows of its own resource, which nobody else touches. */
interface Known {
  readonly resource: string;
  readonly client: string;
  token: string | undefined;
  acknowledged: number;
  refused: boolean;
}

function unknown(number: number): Known {
  return {
    resource: `own-${number}`,
    client: `c${number}`,
    token: undefined,
    acknowledged: 0,
    refused: false,
  };
}

/** Locks and unlocks until the daemon refuses, or the connection ends. */
async function write(url: string, known: Known): Promise<void> {
  const caller = await Caller.to(url);
  try {
    for (;;) {
      if (known.token === undefined) known.token = (await caller.lock(known.resource, known.client)).token;
      else if (await caller.unlock(known.resource, known.client)) known.token = undefined;
      known.acknowledged += 1;
    }
  } catch (error) {
    known.refused = error instanceof Refused && error.code === 16;
    if (error instanceof Refused && !known.refused) throw error;
  }
}

/** A fence command that would take a minute, and says who it is. */
function slowFence(): { readonly path: string; readonly started: string } {
  const directory = temporaryDirectory();
  const path = join(directory, 'fence');
  const started = join(directory, 'started');
  writeFileSync(path, `#!/bin/sh\necho $$ >>${started}\nsleep 60\n`, { mode: 0o755 });
  return { path, started };
}

test(`${WRITERS} writers, ${WAITERS} waiters, a fence command and ${SLOW_PEERS} slow peers: one stop`, async () => {
  const directory = temporaryDirectory();
  const fence = slowFence();
  const { daemon, url } = await serve(['--fence', `fenced=${fence.path}`], directory);
  const holder = await Caller.to(url);
  await holder.lock('fenced', 'victim', { ttl: 0.1 });
  await holder.lock('taken', 'holder');
  const waiting = Array.from({ length: WAITERS }, async (_, number) => {
    const caller = await Caller.to(url);
    return caller.lock('taken', `w${number}`, { wait: 60 }).catch((error: unknown) => error);
  });
  await eventually('the fence command runs', () => existsSync(fence.started));
  await eventually('all wait', async () => (await holder.stats()).waiting === WAITERS);

  // They ask for more than a socket holds, and read none of it; or they never say all.
  const big = post(callOf('system.methodHelp', 'lock')).repeat(500);
  for (let number = 0; number < SLOW_PEERS; number += 1) {
    const peer = await Wire.to(url);
    if (number % 2 === 0) {
      peer.socket.pause();
      peer.send(big);
    } else {
      peer.send(
        request('POST /', ['Host: localhost', 'Content-Type: text/xml', 'Content-Length: 100'], '<me'),
      );
    }
  }
  const known = Array.from({ length: WRITERS }, (_, number) => unknown(number));
  const writing = known.map((one) => write(url, one));
  await eventually('every writer writes', () => known.every(({ acknowledged }) => acknowledged >= 5));
  const asked = performance.now();
  daemon.child.kill('SIGTERM');

  for (const outcome of await Promise.all(waiting)) {
    expect(outcome).toMatchObject({ code: 16, text: 'The daemon is stopping' });
  }
  expect(await daemon.ended, daemon.stderr).toBe(0);
  const took = performance.now() - asked;
  expect(took).toBeLessThan(STOP_MS);
  await Promise.all(writing);
  const acknowledged = known.reduce((sum, one) => sum + one.acknowledged, 0);

  // Exactly what was acknowledged is there, and no call that had no answer was done.
  const next = await serve(['--fence', `fenced=${fence.path}`], directory);
  const caller = await Caller.to(next.url);
  const held = new Map(
    (await caller.list()).flatMap(({ holders }) => holders.map((hold) => [hold.resource, hold])),
  );
  for (const { resource, token } of known) expect(held.get(resource)?.token, resource).toBe(token);
  expect(held.get('taken')?.client).toBe('holder');
  expect(held.get('fenced')?.state).toBe('fencing');
  await eventually(
    'the fence command runs again',
    () => held.get('fenced') !== undefined && existsSync(fence.started),
  );
  const refused = known.filter((one) => one.refused).length;
  console.log(
    `stopped after ${Math.round(took)} ms, ${acknowledged} acknowledgements, ${refused} writers refused, ${WRITERS - refused} cut off`,
  );
  next.daemon.child.kill('SIGTERM');
  expect(await next.daemon.ended).toBe(0);
});
