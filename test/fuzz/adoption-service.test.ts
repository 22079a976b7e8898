/** The steps of the adoption target are those of the service: a real one finds the same locks in the same directories. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Lockd } from '../../src/service/lockd.js';
import { openDaemon } from '../service/fixture.js';
import { quickDisk } from '../service/quick-disk.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { adoptionTarget, entriesOf, locksOf } from './adoption-target.js';
import { inputOf } from './hunt.js';
import { type Content, type Entries, OWN_ID } from './lock-directories.js';

const INPUTS = 25;
const SEED = 9;

/** A directory that has had a daemon, with these files in it. */
async function directoryWith(entries: Entries): Promise<string> {
  const directory = temporaryDirectory();
  await (await openDaemon(directory, { disk: quickDisk })).lockd.close();
  for (const [file, content] of new Map(entries)) make(join(directory, file), content);
  return directory;
}

function make(path: string, content: Content): void {
  if ('bytes' in content) fs.writeFileSync(path, Buffer.from(content.bytes, 'base64'));
  else if (content.kind === 'directory') fs.mkdirSync(path);
  else if (content.kind === 'symlink') fs.symlinkSync('/etc/passwd', path);
  else spawnSync('mkfifo', [path]);
}

async function locksIn(lockd: Lockd): Promise<string[]> {
  const statuses = await lockd.list({ count: 100 });
  const clients = (status: (typeof statuses)[number]) => status.holders.map(({ client }) => client);
  return statuses
    .map((status) =>
      JSON.stringify([
        status.resource,
        clients(status)
          .filter((one) => one !== '?')
          .sort(),
      ]),
    )
    .sort();
}

/** What carries the id of the target's directory is another's in a real one. */
function isOwn(entries: Entries): boolean {
  return entries.some(
    ([, content]) => 'bytes' in content && Buffer.from(content.bytes, 'base64').includes(OWN_ID),
  );
}

test(`${INPUTS} directories`, async () => {
  let locks = 0;
  for (let index = 0, tried = 0; tried < INPUTS; index += 1) {
    const entries = entriesOf(inputOf(adoptionTarget, SEED, index));
    if (isOwn(entries)) continue;
    tried += 1;
    const expected = locksOf(entries);
    const directory = await directoryWith(entries);
    const { lockd } = await openDaemon(directory, { disk: quickDisk });
    expect(await locksIn(lockd), `input ${index}, at the start`).toEqual(expected);
    await lockd.maintain();
    expect(await locksIn(lockd), `input ${index}, after the maintenance`).toEqual(expected);
    await lockd.close();
    const { lockd: next } = await openDaemon(directory, { disk: quickDisk });
    expect(await locksIn(next), `input ${index}, after a restart`).toEqual(expected);
    await next.close();
    locks += expected.length;
  }
  expect(locks).toBeGreaterThan(INPUTS);
});
