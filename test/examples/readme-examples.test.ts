/** The examples of the README, run as they stand there, against a daemon on a free port. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { callOnce, succeeded } from '../crash/clients.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEFAULT_URL = /http:\/\/127\.0\.0\.1:7420/g;

/** The first example in `language` that contains `text`. */
function example(language: string, text: string): string {
  const fences = [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const found = fences.find(([, name, content]) => name === language && content?.includes(text))?.[2];
  if (found === undefined) throw new Error(`no ${language} example with ${text} in README.md`);
  return found;
}

/** A directory with `lockd` on the PATH, and what calls the daemon at `url` by default. */
function shell(url: string) {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'bin'));
  symlinkSync(join(ROOT, 'bin/lockd.js'), join(directory, 'bin/lockd'));
  const env = { ...process.env, PATH: `${directory}/bin:${process.env.PATH}`, LOCKD_URL: url };
  const run = (script: string) => spawnSync('sh', ['-c', script], { cwd: directory, env, encoding: 'utf8' });
  return { directory, run };
}

describeWith(['python3'], 'the ten lines of Python that need nothing of ours', () => {
  test('lock, work and unlock', async () => {
    const { url } = await serve();
    const script = example('python', 'uuid.uuid4()').replaceAll(DEFAULT_URL, url);
    const { status, stdout, stderr } = spawnSync('python3', ['-'], { input: script, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^working with token \d+\n$/);
    expect(succeeded(await callOnce(url, 'list'))).toEqual([]);
  });
});

describeWith(['python3'], 'the Python example', () => {
  test('says what its comments say', async () => {
    const { url } = await serve();
    const script = example('python', 'ServerProxy').replaceAll(DEFAULT_URL, url);
    const { status, stdout, stderr } = spawnSync('python3', ['-'], { input: script, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' -> ')[1]);
    const comments = [...script.matchAll(/^say\(.*\)\s+# (.*)$/gm)].map((match) => match[1]);
    expect(comments).toHaveLength(6);
    const holds = comments.filter((comment) => comment?.startsWith('a hold'));
    expect(holds).toHaveLength(2);
    for (const [index, comment = ''] of comments.entries()) {
      if (comment.startsWith('a hold')) expect(answers[index]).toMatch(/'token': '\d{16}'/);
      else expect(answers[index]).toBe(comment);
    }
  });
});

describeWith(['curl'], 'the curl example', () => {
  test('locks', async () => {
    const { url } = await serve();
    const ran = shell(url).run(example('sh', 'curl ').replaceAll(DEFAULT_URL, url));
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/<name>token<\/name><value><string>\d{16}<\/string>/);
  });
});

test('the dialogue on the command line ends as its comments say', async () => {
  const { url } = await serve();
  const { run } = shell(url);
  const lines = example('sh', 'lockd lock resource1 client1').trimEnd().split('\n');
  expect(lines).toHaveLength(6);
  for (const line of lines) {
    const status = Number(/# exit status (\d+)/.exec(line)?.[1] ?? 0);
    const ran = run(line);
    expect(ran.status, `${line}\n${ran.stderr}`).toBe(status);
    if (line.startsWith('lockd lock')) expect(ran.stdout).toMatch(status === 0 ? /^\d{16}\n$/ : /^$/);
  }
});

test('the script that keeps its token', async () => {
  const { url } = await serve();
  const { run, directory } = shell(url);
  writeFileSync(join(directory, 'deploy'), '#!/bin/sh\necho "$@" > deployed\n');
  chmodSync(join(directory, 'deploy'), 0o755);
  const ran = run(example('sh', './deploy'));
  expect({ status: ran.status, stderr: ran.stderr }).toMatchObject({ status: 0 });
  expect(readFileSync(join(directory, 'deployed'), 'utf8')).toMatch(/^--fencing-token \d{16}\n$/);
  expect(succeeded(await callOnce(url, 'list'))).toEqual([]);
  succeeded(await callOnce(url, 'lock', 'deploy/prod', 'somebody else'));
  const refused = run(`rm deployed; ${example('sh', './deploy')}`);
  expect(refused.status).toBe(1);
  expect(() => readFileSync(join(directory, 'deployed'))).toThrow(/ENOENT/);
});
