/**
 * Mutated bodies over real connections to a real daemon: it does not end, does not grow without end, and holds afterwards
 * exactly what it said that it granted.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { callOnce, listHolds, succeeded } from '../crash/clients.js';
import { lockFileProblems } from '../crash/lock-files.js';
import { serve } from '../daemon.js';
import { chooseSeed, type Random, randomFrom } from '../random.js';
import { mutatedBody } from '../xmlrpc/mutations.js';
import { type Answer, Wire } from './wire.js';

const BODIES = 100_000;
const CONNECTIONS = 16;
/** Sent before the first answer is waited for; a connection may be 256 ahead. */
const AHEAD = 64;

const HEADERS = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n';

function request(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${HEADERS}Content-Length: ${body.length}\r\n\r\n`), body]);
}

const GRANT =
  /<name>resource<\/name><value><string>(.*?)<\/string>.*<name>client<\/name><value><string>(.*?)<\/string>.*<name>token<\/name><value><string>(\d+)</s;

/** Sends bodies and hands each answer to `hear`. */
async function sendBodies(url: string, count: number, random: Random, hear: (answer: Answer) => void) {
  const wire = await Wire.to(url);
  for (let sent = 0; sent < count; sent += AHEAD) {
    const bodies = Array.from({ length: Math.min(AHEAD, count - sent) }, () => request(mutatedBody(random)));
    wire.send(Buffer.concat(bodies));
    for (let heard = 0; heard < bodies.length; heard += 1) hear(await wire.answer());
  }
  wire.socket.destroy();
}

/** Bytes of memory that a process really has. */
function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
}

test(`${BODIES} mutated bodies`, async () => {
  const seed = chooseSeed();
  const { url, daemon, directory } = await serve();
  const pid = daemon.child.pid as number;
  const random = randomFrom(seed);
  const granted: string[] = [];
  let faults = 0;
  let most = 0;
  const hear = ({ status, body }: Answer) => {
    expect(status).toBe(200);
    if (body.includes('<fault>')) faults += 1;
    const [, resource, client, token] = GRANT.exec(body) ?? [];
    if (token !== undefined) granted.push(`${resource} ${client} ${token}`);
    if (faults % 1_000 === 0) most = Math.max(most, residentBytes(pid));
    if (body.includes('-32603')) throw new Error(`seed ${seed}: an internal error: ${daemon.stderr}`);
  };
  const share = BODIES / CONNECTIONS;
  await sendBodies(url, share, random, hear);
  const afterFirst = residentBytes(pid);
  await Promise.all(Array.from({ length: CONNECTIONS - 1 }, () => sendBodies(url, share, random, hear)));

  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  console.log(
    `${BODIES} mutated bodies, LOCKD_TEST_SEED=${seed}: ${faults} faults, ${granted.length} locks; ` +
      `${megabytes(afterFirst)} MiB at first, at most ${megabytes(most)} MiB, ${megabytes(residentBytes(pid))} MiB at last`,
  );
  expect(faults).toBeGreaterThan(BODIES / 2);
  expect(most).toBeLessThan(afterFirst + (150 << 20));
  const holds = await listHolds(url);
  expect(
    holds.map(({ resource, client, token }) => escaped(`${resource} ${client} ${token}`)).sort(),
  ).toEqual(granted.sort());
  succeeded(await callOnce(url, 'lock', 'afterwards', 'me'));
  succeeded(await callOnce(url, 'unlock', 'afterwards', 'me'));
  expect(lockFileProblems(directory, holds)).toEqual([]);
});

/** As the answers write it. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
