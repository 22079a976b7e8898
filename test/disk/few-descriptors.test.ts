import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';

const SCRIPT = fileURLToPath(new URL('./few-descriptors.js', import.meta.url));

describeWith(['prlimit'], 'a directory', () => {
  test('is flushed although no descriptor is left', () => {
    const words = ['--nofile=60:60', process.execPath, SCRIPT, temporaryDirectory()];
    const { stdout, stderr } = spawnSync('prlimit', words, { encoding: 'utf8' });
    expect(stdout, stderr).toBe('EMFILE\nflushed\n');
  });
});
