/** More strangers than there are descriptors: whoever holds a lock does not notice. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { call, callOnce, type Response, succeeded } from '../crash/clients.js';
import { serve } from '../daemon.js';
import { Wire } from '../http/wire.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { structOf } from '../xmlrpc/documents.js';
import { descriptorsOf, strangers } from './crowd.js';

/** Seconds of processor time that a process has used. */
function cpuOf(id: number | undefined): number {
  const [user, system] = readFileSync(`/proc/${id}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11);
  return (Number(user) + Number(system)) / 100;
}

const TTL_30_S = structOf({ ttl: '<int>30</int>' });

describeWith(['prlimit'], 'descriptors that are few', () => {
  test('from the start: strangers cannot take those that locks need', async () => {
    const through = ['prlimit', '--nofile=200:200'];
    const { url, daemon } = await serve([], temporaryDirectory(), { through });
    const holder = await Wire.to(url);
    succeeded(await call(holder, 'lock', 'r', 'A', TTL_30_S));
    const many = strangers(url, 400, 'silent');
    await daemon.wrote('stderr', /54 connections are open, the most allowed \(--max-connections\)/);
    for (let each = 0; each < 60; each += 1) {
      succeeded(await call(holder, 'renew', 'r', 'A'));
      succeeded(await call(holder, 'lock', `r${each}`, 'A'));
    }
    expect(descriptorsOf(daemon.child.pid)).toBeLessThan(200);
    await many.said('closed');
    await expect.poll(() => callOnce(url, 'unlock', 'r', 'A'), { timeout: 15_000 }).toEqual({ value: true });
    const full = daemon.records.filter(({ msg }) => /the most allowed/.test(String(msg)));
    expect(full.length).toBeLessThanOrEqual(2);
    expect(daemon.records.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('while it runs: new connections are refused, holders go on, and all is well when they come back', async () => {
    const { url, daemon } = await serve();
    const id = daemon.child.pid;
    const holder = await Wire.to(url);
    succeeded(await call(holder, 'lock', 'r', 'A', TTL_30_S));
    const limit = (soft: number) => {
      const words = ['--pid', String(id), `--nofile=${soft}:`];
      expect(spawnSync('prlimit', words, { encoding: 'utf8' })).toMatchObject({ status: 0 });
    };
    const before = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${id}/limits`, 'utf8'))?.[1]);
    limit(descriptorsOf(id));

    const refused = await Promise.all(Array.from({ length: 20 }, () => Wire.to(url)));
    await Promise.all(refused.map(({ closed }) => closed));
    for (let each = 0; each < 20; each += 1) succeeded(await call(holder, 'renew', 'r', 'A'));
    const locks: Response[] = [];
    for (let each = 0; each < 10; each += 1) locks.push(await call(holder, 'lock', `r${each}`, 'A'));
    // The first few may find a descriptor that was given up meanwhile.
    expect(locks.at(-1)).toMatchObject({
      fault: { code: 15, text: expect.stringContaining('nothing was changed') },
    });
    succeeded(await call(holder, 'unlock', 'r', 'A'));
    const used = cpuOf(id);
    await pause(1_000);
    expect(cpuOf(id) - used).toBeLessThan(0.5);
    expect(daemon.records.length).toBeLessThan(10);

    limit(before);
    succeeded(await call(holder, 'lock', 'other', 'A'));
    succeeded(await callOnce(url, 'unlock', 'other', 'A'));
  });
});
