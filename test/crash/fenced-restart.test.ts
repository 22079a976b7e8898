/**
 * kill -9 of the daemon while a fence command runs: the command runs again, never beside what is left of the run before,
 * and nobody is granted the resource before it has succeeded.
 */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { Caller, type Options, storyOf } from './caller.js';
import { eventually } from './eventually.js';
import { type FenceScript, type FenceScriptOptions, fenceScript } from './fence-script.js';

const RESOURCE = 'host/db1';
const WAITING: Options = { wait: 60, request: 'key-1', ttl: 30 };

interface Case extends FenceScriptOptions {
  readonly name: string;
  /** What must have happened between the kill and the next start. */
  readonly meanwhile?: (script: FenceScript) => Promise<void>;
}

/** The third run is the one that is cut off; by itself it would go on for very long. The fourth waits until it was looked at. */
const CASES: readonly Case[] = [
  { name: 'that needs a while', work: 'if [ $runs -eq 3 ]; then sleep 600; fi; hold_on' },
  {
    name: 'that ignores SIGTERM',
    first: "trap '' TERM",
    work: 'if [ $runs -eq 3 ]; then sleep 600; fi; hold_on',
  },
  {
    name: 'that forks a child into the background and ends',
    work: 'if [ $runs -eq 3 ]; then sleep 600 & sleep 0.5; else (hold_on; say late) & fi',
    meanwhile: (script) => eventually('the end of the run', () => script.count('done') === 1),
  },
];

describeWith(['flock'], 'a fence command fails twice and is cut off by kill -9 of the daemon', () => {
  test.each(CASES)('$name: granted only after its success', async (wanted) => {
    const script = fenceScript(wanted);
    const words = ['--fence', `host/*=${script.path}`];
    const { daemon, url, directory } = await serve(words);
    const victim = await Caller.to(url);
    const lost = await victim.lock(RESOURCE, 'victim', { ttl: 60 });
    const cutOff = (await Caller.to(url))
      .lock(RESOURCE, 'next', WAITING)
      .catch((error: Error) => error.message);
    await eventually('a line', async () => (await victim.status(RESOURCE)).waiting === 1);
    await victim.renew(RESOURCE, 'victim', { token: lost.token, ttl: 0.4 });
    victim.close();
    await eventually('the third run', () => script.count('start') === 3);
    await daemon.kill();
    expect(await cutOff).toMatch(/closed before an answer/);
    await wanted.meanwhile?.(script);

    const doneBefore = script.count('done');
    const { url: next } = await serve(words, directory);
    const looking = await Caller.to(next);
    expect(await looking.status(RESOURCE)).toMatchObject({
      state: 'fencing',
      queue: [{ client: 'next', position: 1 }],
      fence: [{ client: 'victim', token: lost.token, tries: 2 }],
    });
    await expect(looking.lock(RESOURCE, 'newcomer')).rejects.toThrow(
      /^fault 9: .*failed 2 times, last with exit 1/,
    );
    script.goOn();
    const hold = await (await Caller.to(next)).lock(RESOURCE, 'next', WAITING);

    const lines = script.lines();
    expect(script.count('done'), lines.join('\n')).toBe(doneBefore + 1);
    // What a run left in the background was waited for as well.
    expect(script.count('late'), lines.join('\n')).toBe(wanted.work.includes('late') ? 1 : 0);
    expect(script.count('overlap'), lines.join('\n')).toBe(0);
    expect(script.count('start'), lines.join('\n')).toBe(4);
    expect(new Set(lines.map((line) => line.split(' ')[3]))).toEqual(new Set([lost.token]));
    expect(hold).toMatchObject({ client: 'next', state: 'held', ttl: 30 });
    expect(BigInt(hold.token)).toBeGreaterThan(BigInt(lost.token));
    expect(await storyOf(next, RESOURCE)).toEqual([
      'granted victim',
      'queued next',
      'updated victim',
      'expired victim',
      'fencing victim',
      'fenceFailed victim',
      'fenceFailed victim',
      'fenced victim',
      'granted next',
    ]);
  });
});

describeWith(['flock'], 'a fence command that outlives the daemon and succeeds meanwhile', () => {
  test('counts for nothing: it runs again before the next grant', async () => {
    const script = fenceScript({ work: 'hold_on' });
    const words = ['--fence-command', script.path];
    const { daemon, url, directory } = await serve(words);
    await (await Caller.to(url)).lock('r', 'victim', { ttl: 0.2 });
    await eventually('the third run', () => script.count('start') === 3);
    await daemon.kill();
    script.goOn();
    await eventually('its success', () => script.count('done') === 1);
    const { url: next } = await serve(words, directory);
    await (await Caller.to(next)).lock('r', 'next', { wait: 20 });
    expect(script.count('done')).toBe(2);
    expect(script.count('overlap')).toBe(0);
  });
});

describeWith(['flock'], 'a fence command that runs while the daemon is asked to stop', () => {
  test('is ended with it, and runs again after the start', async () => {
    const script = fenceScript({ work: 'if [ $runs -eq 3 ]; then sleep 600; fi' });
    const words = ['--fence-command', script.path];
    const { daemon, url, directory } = await serve(words);
    await (await Caller.to(url)).lock('r', 'victim', { ttl: 0.2 });
    const waiting = (await Caller.to(url)).lock('r', 'next', { ...WAITING, claim: 20 });
    await eventually('the third run', () => script.count('start') === 3);
    const told = expect(waiting).rejects.toThrow('fault 16: The daemon is stopping');
    daemon.child.kill('SIGTERM');
    await told;
    expect(await daemon.ended).toBe(0);
    const [, id] = script.lines().at(-1)?.split(' ') ?? [];
    expect(existsSync(`/proc/${id}/exe`)).toBe(false);
    const { url: next } = await serve(words, directory);
    const hold = await (await Caller.to(next)).lock('r', 'next', { ...WAITING, claim: 20 });
    expect(hold.client).toBe('next');
    expect(['start', 'failed', 'done', 'overlap'].map(script.count)).toEqual([4, 2, 1, 0]);
  });
});
