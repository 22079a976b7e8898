/** `health()` after a change was refused: degraded for as long as the disk would do the same again, and no longer. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.js';
import { openDaemon, outcome } from './fixture.js';

describe('what cannot be written, while all else can', () => {
  test.each([
    ['write', /journal-.*jsonl$/, 'EPERM'],
    ['create', /slots-/, 'EACCES'],
    ['create', /\.lockd\/(slots-\d+\/)?[^/]*$/, 'EROFS'],
  ] as const)('%s %s: %s', async (operation, path, code) => {
    const { lockd, disk } = await openDaemon(temporaryDirectory(), { roomBytes: 4_096 });
    await lockd.lock('held', 'A');
    disk.failNext(operation, { code, path, times: Number.POSITIVE_INFINITY });
    expect(await outcome(lockd.lock('new', 'B'))).toMatch(new RegExp(`^15: .*${code}`));
    // Asked again and again: the probes for it change nothing.
    for (let look = 0; look < 3; look += 1) {
      const { status, problems } = lockd.health();
      expect({ status, problems }).toEqual({ status: 'degraded', problems: [expect.stringContaining(code)] });
    }
    expect(await lockd.status('held')).toMatchObject({ state: 'held' });
    disk.heal();
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
    await lockd.lock('new', 'B');
    await lockd.close();
  });
});

test('the files of fence commands that succeeded before a crash are gone after the next start', async () => {
  const directory = temporaryDirectory();
  const first = await openDaemon(directory);
  await first.lockd.lock('a', 'A');
  await first.lockd.close();
  const own = join(directory, '.lockd');
  for (const name of ['fence-77', 'fence-1795248000000000', 'fence-x']) fs.writeFileSync(join(own, name), '');
  await openDaemon(directory);
  expect(fs.readdirSync(own).filter((name) => name.startsWith('fence-'))).toEqual(['fence-x']);
});
