/** A daemon that was killed, whose journal was damaged then: refused, repaired from the command line, and started again. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockd, serve, startServe } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { callOnce, listHolds, succeeded } from './clients.js';

/** Damages the line of the turn that has `text` in the newest segment. */
function damage(directory: string, text: string): string {
  const own = join(directory, '.lockd');
  const [name = ''] = readdirSync(own)
    .filter((one) => /^journal-.*jsonl$/.test(one))
    .sort()
    .reverse();
  const path = join(own, name);
  const lines = readFileSync(path, 'latin1').split('\n');
  const index = lines.findIndex((line) => line.includes(text));
  expect(index).toBeGreaterThan(0);
  lines[index] = (lines[index] ?? '').replace(text, text.toUpperCase());
  writeFileSync(path, lines.join('\n'), 'latin1');
  return path;
}

test('refused while the daemon runs; repaired after it; what is in doubt is locked', async () => {
  const directory = temporaryDirectory();
  const first = await serve([], directory);
  for (const resource of ['kept', 'given', 'last'])
    succeeded(await callOnce(first.url, 'lock', resource, 'A'));
  succeeded(await callOnce(first.url, 'unlock', 'given', 'A'));
  succeeded(await callOnce(first.url, 'unlock', 'last', 'A'));
  const before = await listHolds(first.url);
  const refused = await lockd(['fsck', directory, '--repair']);
  expect(refused).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is owned by another lockd (process '),
  });
  expect(await listHolds(first.url)).toEqual(before);
  await first.daemon.kill();
  damage(directory, '"event":"unlocked"');

  const daemon = startServe([], directory);
  expect(await daemon.ended).toBe(1);
  expect(daemon.stderr).toContain(`lockd fsck ${directory}`);

  const { status, stdout } = await lockd(['fsck', directory, '--repair', '--json']);
  expect(status).toBe(0);
  const { ok, kept, findings } = JSON.parse(stdout) as {
    ok: boolean;
    kept: string;
    findings: { level: string; text: string }[];
  };
  expect({ ok, kept }).toEqual({ ok: true, kept: join(directory, '.lockd', 'repaired-0000000001') });
  const texts = findings.map(({ level, text }) => `${level} ${text}`);
  expect(texts).toContainEqual(expect.stringMatching(/^lost .*turn \d+ is missing/));
  expect(texts).toContainEqual(expect.stringMatching(/^lost 'given' stays locked by 'A'.*forceUnlock$/));
  expect(JSON.parse(readFileSync(join(kept, 'report.json'), 'utf8')).findings.length).toBeGreaterThan(0);

  const again = await lockd(['fsck', directory, '--repair']);
  expect(again.status).toBe(0);
  expect(again.stdout).toMatch(/^ok {7}There was nothing to mend$/m);

  const next = await serve([], directory);
  const holds = await listHolds(next.url);
  expect(holds.map(({ resource }) => resource).sort()).toEqual(['given', 'kept']);
  expect(holds).toContainEqual(before[0]);
  succeeded(await callOnce(next.url, 'unlock', 'given', 'A'));
  succeeded(await callOnce(next.url, 'lock', 'given', 'B'));
});

test('a torn tail is no reason to repair; who does it all the same loses nothing', async () => {
  const directory = temporaryDirectory();
  const first = await serve([], directory);
  succeeded(await callOnce(first.url, 'lock', 'a', 'A'));
  await first.daemon.kill();
  const own = join(directory, '.lockd');
  const [name = ''] = readdirSync(own).filter((one) => /^journal-.*jsonl$/.test(one));
  appendFileSync(join(own, name), '{"line":"turn","tu');
  const { status, stdout } = await lockd(['fsck', directory, '--repair']);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^mended {3}journal-.*: what could be read was written anew; locks that are held: 1$/m,
  );
  expect(stdout).toContain(`What was taken out is kept: ${own}/repaired-0000000001`);
  expect(stdout).not.toMatch(/^lost/m);
  expect(await listHolds((await serve([], directory)).url)).toHaveLength(1);
});
