/** What else a resource can be but held by one: unreadable, at rest, kept for somebody, shared by several. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { live, openPage, rowOf } from './browser.js';
import { clientOf } from './guarded.js';

describeWith(['chromium'], 'states of a resource', () => {
  test('a lock file that cannot be read: which one, and a way out', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'broken.lock'));
    const { url } = await serve(['--fence-command', '/bin/true'], directory);
    const { page, problems } = await openPage(url);
    await rowOf(page, 'broken').getByText('unreadable').waitFor();
    await rowOf(page, 'broken')
      .getByText(`Look at ${join(directory, 'broken.lock')}`)
      .waitFor();
    await page.getByRole('link', { name: 'broken' }).click();
    await page.getByText('Its lock file cannot be read').waitFor();
    expect(await page.getByRole('button', { name: 'Lock…', exact: true }).count()).toBe(0);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.textContent()).toContain('Nobody is fenced');
    expect(await dialog.textContent()).not.toContain('/bin/true');
    await dialog.getByLabel('Reason').fill('left over');
    await dialog.getByRole('button', { name: 'Force unlock' }).click();
    await page.getByText('Nobody holds it.').waitFor();
    expect((await clientOf({ url }).status('broken')).state).toBe('free');
    expect(problems()).toEqual([]);
  });

  test('a rest after a loss begins and ends before the eyes of who looks, and so does a claim', async () => {
    const { url } = await serve(['--lock-delay', '8s']);
    await clientOf({ url, client: 'a' }).lock('r');
    const { page, problems } = await openPage(`${url}/#/resource/r`);
    await live(page);
    await page.getByText('rests for 8 s').waitFor();
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The lock rests for 8 s').waitFor();
    await dialog.getByLabel('Reason').fill('gone');
    await dialog.getByRole('button', { name: 'Force unlock' }).click();
    await page.locator('.heading').getByText('delayed').waitFor();
    // No event tells that it is over.
    await page.getByText('Nobody holds it.').waitFor();

    const holder = clientOf({ url, client: 'b' });
    await holder.lock('s');
    await clientOf({ url, client: 'c' }).enqueue('s', { claim: 10 });
    await page.goto(`${url}/#/resource/s`);
    await page.getByRole('article', { name: 'Hold of b' }).waitFor();
    await holder.unlock('s');
    await page.getByText('Kept for c, the first in the line').waitFor();
    await page.getByText('Nobody holds it.').waitFor();
    expect(problems()).toEqual([]);
  });

  test('a semaphore: who has it, how many may, and one of them forced', async () => {
    const { url } = await serve();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const client of names) await clientOf({ url, client }).lock('device', { limit: 6, ttl: 600 });
    const { page, problems } = await openPage(url);
    const row = rowOf(page, 'device');
    await row.getByText('and 2 more').waitFor();
    expect(await row.locator('.lease').count()).toBe(3);
    await page.getByRole('link', { name: 'device' }).click();
    await page.getByRole('heading', { name: 'Holders (5 of 6)' }).waitFor();
    const third = page.getByRole('article', { name: 'Hold of c' });
    await third.getByRole('button', { name: 'Force unlock…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('stuck');
    await dialog.getByRole('button', { name: 'Force unlock' }).click();
    await page.getByRole('heading', { name: 'Holders (4 of 6)' }).waitFor();
    const { holders } = await clientOf({ url }).status('device');
    expect(holders.map(({ client }) => client)).toEqual(['a', 'b', 'd', 'e']);
    expect(problems()).toEqual([]);
  });
});
