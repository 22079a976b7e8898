/** Fence commands of a daemon that was frozen while another one took its directory over. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { Caller } from './caller.js';
import { eventually } from './eventually.js';
import { fenceScript } from './fence-script.js';

describeWith(['flock'], 'a daemon that is frozen and replaced', () => {
  test.each([
    { when: 'while its fence command runs', starts: 3, work: 'if [ $runs -eq 3 ]; then sleep 600; fi' },
    { when: 'between two runs', starts: 2, work: 'sleep 0.3' },
  ])('$when: starts none any more, and the successor’s run is alone', async (wanted) => {
    const script = fenceScript(wanted);
    const words = ['--fence-command', script.path];
    const { daemon: old, url, directory } = await serve(words);
    const { token } = await (await Caller.to(url)).lock('r', 'victim', { ttl: 0.2 });
    await eventually('the runs before', () => script.count('start') === wanted.starts);
    if (wanted.starts === 2) await eventually('their failure', () => script.count('failed') === 2);
    old.child.kill('SIGSTOP');
    rmSync(join(directory, '.lockd/daemon.lock'), { recursive: true });
    rmSync(join(directory, '.lockd/guard'));
    const { url: next, daemon: successor } = await serve(words, directory);
    const hold = await (await Caller.to(next)).lock('r', 'next', { wait: 30 });
    expect(Number(hold.token)).toBeGreaterThan(Number(token));
    expect(script.count('done')).toBe(1);
    const runs = script.count('start');
    expect(runs).toBe(wanted.starts + 1);
    old.child.kill('SIGCONT');
    expect(await old.ended).not.toBe(0);
    expect(script.count('start')).toBe(runs);
    expect(script.count('overlap')).toBe(0);
    expect((await (await Caller.to(next)).status('r')).holders).toMatchObject([{ client: 'next' }]);
    expect(successor.child.exitCode).toBe(null);
  });
});
