/** What a command that runs under a lock may lock besides, by either of the clients that need no installation. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { Running } from './shell-process.js';

const program = (name: string) => fileURLToPath(new URL(`../../clients/${name}`, import.meta.url));

describeWith(['python3', 'curl', 'flock'], 'a command under a lock', () => {
  test.each([
    ['python3', 'lockd.py'],
    ['sh', 'lockd.sh'],
  ])('locks and unlocks something else, by %s %s', async (interpreter, file) => {
    const { url } = await serve();
    const lockd = `${interpreter} '${program(file)}'`;
    const script = `${lockd} lock other && ${lockd} unlock other && ! ${lockd} unlock r --token 17`;
    const words = [interpreter, program(file), 'run', 'r', '--', 'sh', '-c', script];
    const { status, stderr } = await new Running(words, { LOCKD_URL: url }).outcome;
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const client = new LockdClient({ url });
    expect(await client.list()).toEqual([]);
    await client.close();
  });
});
