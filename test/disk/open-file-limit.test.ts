import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { openFileLimit } from '../../src/disk/open-file-limit.js';

test('the limit of open files is that of this process, or a usual one', () => {
  const asked = spawnSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' }).stdout.trim();
  const limit = openFileLimit();
  expect(Number.isInteger(limit)).toBe(true);
  expect(limit).toBeGreaterThan(0);
  // A child of this process inherits what it has.
  if (process.platform === 'linux') expect(limit).toBe(asked === 'unlimited' ? 1_024 : Number(asked));
});
