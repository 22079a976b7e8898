/** The page and its stream: it says when it is cut off, and has missed nothing when it is back. */
import { expect, test } from 'vitest';
import { proxyTo } from '../client/proxy.js';
import { LockdProcess, listening, lockd, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { live, openPage, PATIENTLY, rowOf } from './browser.js';
import { clientOf, guarded, signIn } from './guarded.js';

describeWith(['chromium'], 'the stream of the page', () => {
  test('cut for ten seconds: the page says so and since when; then it shows all that happened', async () => {
    const { url } = await serve();
    const proxy = await proxyTo(url);
    const client = clientOf({ url, client: 'a' });
    const { token } = await client.lock('before');
    const { page, problems } = await openPage(proxy.url);
    await live(page);
    await page.getByRole('link', { name: 'before' }).click();
    await live(page);
    const history = page.getByRole('table', { name: 'History' });
    await history.getByRole('cell', { name: 'granted' }).waitFor();

    proxy.down();
    await page.getByText(/^Not live since \d\d:\d\d:\d\d\.$/).waitFor();
    await page.getByText('What you see may be old').waitFor();
    const cut = performance.now();
    await client.unlock('before', { token });
    for (let turn = 0; turn < 60; turn += 1) {
      const held = await client.lock('before', { note: `turn ${turn}` });
      await client.unlock('before', { token: held.token });
    }
    await client.lock('meanwhile');
    expect(await page.getByRole('article', { name: 'Hold of a' }).count()).toBe(1); // As it was.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 10_000 - (performance.now() - cut))));
    expect(await page.locator('.banner').isVisible()).toBe(true);

    proxy.target = url;
    await page.getByRole('button', { name: 'Try now' }).click();
    await live(page);
    expect(await page.locator('.banner').isVisible()).toBe(false);
    await page.getByText('Nobody holds it.').waitFor();
    // More than one page of history passed: what came by the stream and what was read add up, each event once.
    await expect.poll(() => history.locator('tbody tr').count(), PATIENTLY).toBe(122);
    const events = await history.locator('.event-name').allTextContents();
    expect(events).toEqual(Array.from({ length: 61 }, () => ['unlocked', 'granted']).flat());
    await page.getByRole('link', { name: 'All locks' }).click();
    await rowOf(page, 'meanwhile').waitFor();
    expect(problems().filter((text) => !text.includes('ERR_'))).toEqual([]);
  });

  test('a daemon that dies and comes back', async () => {
    const { daemon, url, directory } = await serve();
    const client = clientOf({ url, client: 'a' });
    await client.lock('r', { ttl: 600 });
    const { page } = await openPage(url);
    await rowOf(page, 'r').waitFor();
    await live(page);
    await daemon.kill();
    await page.getByText(/^Not live since/).waitFor();
    const again = new LockdProcess(['serve', '--listen', new URL(url).host, '--directory', directory]);
    await listening(again, directory);
    await clientOf({ url, client: 'b' }).lock('s');
    await live(page);
    await rowOf(page, 's').waitFor();
    await rowOf(page, 'r').waitFor();
  });

  test('a daemon that stops says so', async () => {
    const { daemon, url } = await serve();
    const { page } = await openPage(url);
    await live(page);
    daemon.child.kill('SIGTERM');
    await page.getByText('The daemon is stopping').waitFor();
    expect(await daemon.ended).toBe(0);
  });

  test('a user that is removed is asked who it is, and comes back to where it was', async () => {
    const daemon = await guarded();
    const { page, problems } = await openPage(`${daemon.url}/#/resource/deploy%2Fx`);
    await page.getByLabel('User').fill('eve');
    await page.getByLabel('Secret').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This user and its secret are not known here').waitFor();
    await page.getByLabel('Secret').fill(daemon.secrets.eve);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'deploy/x' }).waitFor();
    await live(page);
    // A reload asks for nothing; another tab does.
    await page.reload();
    await live(page);
    await page.getByText('eve (viewer)', { exact: true }).waitFor();
    await (await openPage(daemon.url)).page.getByLabel('Secret').waitFor();

    await lockd(['user', 'remove', 'eve', '--users', daemon.usersFile]);
    daemon.daemon.child.kill('SIGHUP');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('User').fill('ops');
    await page.getByLabel('Secret').fill(daemon.secrets.ops);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'deploy/x' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
    expect(problems([401]).filter((text) => !text.includes('ERR_'))).toEqual([]);
  });

  test('signs in by the secret alone, too', async () => {
    const daemon = await guarded();
    const { page } = await openPage(daemon.url);
    await signIn(page, '', daemon.secrets.ops);
    await page.getByText('ops (operator)', { exact: true }).waitFor();
  });
});
