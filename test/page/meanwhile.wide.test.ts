/** What happens while the page is open: to the hold in a dialog, to the user, to the machine, to the daemon, to other tabs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { proxyTo } from '../client/proxy.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { live, openPage, PATIENTLY, type Page, rowOf } from './browser.js';
import { clientOf, type Guarded, guarded, signIn } from './guarded.js';

/** For the page the machine has slept for an hour. */
const SLEEP = `{ const now = Date.now; Date.now = () => now() + 3_600_000; }`;

/** The tab goes out of sight, or comes back. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    dispatchEvent(new Event('visibilitychange'))`);
}

function setRole({ usersFile, daemon }: Guarded, name: string, role: string): void {
  const users = readFileSync(usersFile, 'utf8');
  const changed = users.replace(new RegExp(`("${name}"[^}]*"role":\\s*)"\\w+"`), `$1"${role}"`);
  expect(changed).not.toBe(users);
  writeFileSync(usersFile, changed);
  daemon.child.kill('SIGHUP');
}

describeWith(['chromium'], 'while the page is open', () => {
  test('only the hold that the dialog shows is forced, not one that its client got meanwhile', async () => {
    const { url } = await serve();
    const client = clientOf({ url, client: 'a' });
    await client.lock('r');
    const { page, problems } = await openPage(`${url}/#/resource/r`);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('see to it that it has stopped').waitFor();
    await client.unlock('r');
    const { token } = await client.lock('r');
    await dialog.getByLabel('Reason').fill('seems dead');
    await dialog.getByRole('button', { name: 'Force unlock' }).click();
    await dialog.getByText(/^Token \d+ is not the hold of 'a' on 'r' \(code 10\)$/).waitFor();
    expect((await client.status('r')).holders[0]).toMatchObject({ token, state: 'held' });
    expect(problems()).toEqual([]);
  });

  test('a renewed lease takes away neither the focus nor half a click; of many holds, none is mistaken', async () => {
    const { url } = await serve();
    const [a, b, c] = ['a', 'b', 'c'].map((client) => clientOf({ url, client }));
    for (const one of [a, b, c]) await one?.lock('r', { limit: 4, ttl: 600 });
    const { page } = await openPage(`${url}/#/resource/r`);
    await live(page);
    const button = page
      .getByRole('article', { name: 'Hold of c' })
      .getByRole('button', { name: 'Force unlock…' });
    await button.focus();
    await page.mouse.move(0, 0);
    const { x = 0, y = 0 } = (await button.boundingBox()) ?? {};
    await page.mouse.move(x + 5, y + 5);
    await page.mouse.down();
    await c?.extend('r', 600);
    await page
      .getByRole('article', { name: 'Hold of c' })
      .getByText(/^(?:20 min|19 min \d+ s) left$/)
      .waitFor();
    await page.mouse.up();
    await page.getByRole('dialog').getByText('c', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    // What is shown of it changes, and so the button is another.
    await c?.update('r', { note: 'busy' });
    await page.getByText('busy', { exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('c', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await a?.unlock('r');
    await page.getByRole('heading', { name: 'Holders (2 of 4)' }).waitFor();
    expect(await page.evaluate('document.activeElement.closest("article").getAttribute("aria-label")')).toBe(
      'Hold of c',
    );
  });

  test('the role of the user changes: the page offers what it may now; it is removed: no dialog stays', async () => {
    const daemon = await guarded();
    await daemon.client('ci', 'ci/a').lock('deploy/x');
    const { page, problems } = await openPage(`${daemon.url}/#/resource/deploy%2Fx`);
    await page.getByLabel('User').fill('ops');
    await page.getByLabel('Secret').fill(daemon.secrets.ops);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    setRole(daemon, 'ops', 'viewer');
    await page.evaluate(SLEEP); // It looks after half a minute at the latest, and at once after a sleep.
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByText('ops (viewer)').waitFor();
    await page.getByRole('article', { name: 'Hold of ci/a' }).waitFor();
    expect(await page.locator('main').getByRole('button').allTextContents()).toEqual([]);

    setRole(daemon, 'ops', 'operator');
    await setHidden(page, true);
    await setHidden(page, false);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    writeFileSync(daemon.usersFile, readFileSync(daemon.usersFile, 'utf8').replace('"ops"', '"was"'));
    daemon.daemon.child.kill('SIGHUP');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.getByLabel('User').fill('eve');
    expect(problems([401]).filter((text) => !text.includes('ERR_'))).toEqual([]);
  });

  test('what a view asked for does nothing any more when the view was left', async () => {
    const { url } = await serve();
    await clientOf({ url, client: 'a' }).lock('r');
    const { page } = await openPage('about:blank');
    const asked: (() => void)[] = [];
    await page.route('**/RPC2', async (route) => {
      const isList = route.request().postData()?.includes('>list<');
      if (isList) await new Promise<void>((resolve) => asked.push(resolve));
      await route.continue();
    });
    const streams: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/events')) streams.push(new URL(request.url()).search);
    });
    await page.goto(url);
    await page.getByText('Reading the locks…').waitFor();
    await expect.poll(() => asked.length, PATIENTLY).toBe(1);
    await page.evaluate(`location.hash = '#/resource/r'`);
    await live(page);
    const answer = page.waitForResponse(
      (response) => response.request().postData()?.includes('>list<') ?? false,
    );
    asked[0]?.();
    await (await answer).finished();
    await clientOf({ url, client: 'b' }).enqueue('r');
    await page.getByRole('heading', { name: 'Line (1)' }).waitFor();
    expect(streams).toEqual(['?resource=r&include=renewed%2Cqueued']);
  });

  test('another daemon at the same address: nothing of the first stays', async () => {
    const [first, second] = [await serve(), await serve()];
    for (const [url, client] of [
      [first.url, 'a'],
      [second.url, 'b'],
    ] as const) {
      const holder = clientOf({ url, client });
      await holder.lock('r');
      await holder.unlock('r');
      await holder.lock('r');
    }
    const proxy = await proxyTo(first.url);
    const { page } = await openPage(`${proxy.url}/#/resource/r`);
    await live(page);
    const history = page.getByRole('table', { name: 'History' });
    await expect.poll(() => history.locator('.holder').allTextContents(), PATIENTLY).toEqual(['a', 'a', 'a']);
    proxy.down();
    await page.getByText(/^Not live since/).waitFor();
    proxy.target = second.url;
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByRole('article', { name: 'Hold of b' }).waitFor();
    await expect.poll(() => history.locator('.holder').allTextContents(), PATIENTLY).toEqual(['b', 'b', 'b']);
  });

  test('after a sleep of the machine the stream is opened anew, whatever has become of it', async () => {
    const { url } = await serve();
    const { page } = await openPage(url);
    await live(page);
    const stream = page.waitForRequest('**/events?*');
    await page.evaluate(SLEEP);
    expect((await stream).headers()['last-event-id']).toMatch(/^\d+\.\d+$/);
    await live(page);
    await clientOf({ url, client: 'a' }).lock('r');
    await rowOf(page, 'r').waitFor();
  });

  test('tabs that nobody sees take no connection away from the one that somebody sees', async () => {
    const { url } = await serve();
    const { page: first } = await openPage(url);
    const tabs = [first];
    for (let tab = 1; tab < 8; tab += 1) {
      const before = tabs.at(-1) ?? first;
      await live(before);
      await setHidden(before, true);
      const page = await first.context().newPage();
      await page.goto(url);
      tabs.push(page);
    }
    const last = tabs.at(-1) ?? first;
    await live(last);
    await clientOf({ url, client: 'a' }).lock('r');
    await rowOf(last, 'r').waitFor();
    expect(await rowOf(first, 'r').count()).toBe(0);
    await setHidden(first, false);
    await rowOf(first, 'r').waitFor();
  });

  test('a reading that fails takes no change away', async () => {
    const { url } = await serve();
    const holder = clientOf({ url, client: 'a' });
    await holder.lock('x');
    await holder.lock('y');
    const { page } = await openPage(url);
    await live(page);
    await rowOf(page, 'y').waitFor();
    await page.route('**/RPC2', (route) => route.abort(), { times: 1 });
    await holder.update('x', { note: 'first' });
    await page.getByText('The daemon cannot be reached').waitFor();
    await holder.update('y', { note: 'second' });
    await rowOf(page, 'y').getByText('second').waitFor();
    await rowOf(page, 'x').getByText('first').waitFor();
    expect(await page.getByText('The daemon cannot be reached').isVisible()).toBe(false);
  });

  test('a lock whose answer is lost is had by trying again', async () => {
    const { url } = await serve();
    const { page } = await openPage(`${url}/#/resource/r`);
    await live(page);
    await page.getByRole('button', { name: 'Lock…' }).click();
    const dialog = page.getByRole('dialog');
    await page.route(
      '**/RPC2',
      async (route) => {
        await route.fetch();
        await route.abort();
      },
      { times: 1 },
    );
    await dialog.getByRole('button', { name: 'Lock', exact: true }).click();
    await dialog.getByText('The daemon cannot be reached').waitFor();
    const [lost] = (await clientOf({ url }).status('r')).holders;
    await dialog.getByRole('button', { name: 'Lock', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await clientOf({ url }).status('r')).holders).toMatchObject([
      { client: 'web', token: lost?.token },
    ]);
  });

  test('a dialog says what stops the holder, and what does not', async () => {
    const daemon = await guarded(['--lock-delay', '4s']);
    for (const name of ['host/a', 'deploy/a']) await daemon.client('ci').lock(name);
    const { page } = await openPage(daemon.url);
    await signIn(page, 'ops', daemon.secrets.ops);
    const dialog = page.getByRole('dialog');
    await page.goto(`${daemon.url}/#/resource/host%2Fa`);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    await dialog.getByText('The fence command has to stop what the holder still does').waitFor();
    await dialog.getByRole('checkbox').check();
    await dialog.getByText('you vouch that it does nothing').waitFor();
    expect(await dialog.textContent()).not.toContain(daemon.fenceCommand);
    await dialog.getByRole('checkbox').uncheck();
    expect(await dialog.textContent()).toContain(daemon.fenceCommand);
    // Back leads away from the dialog, too.
    await page.goto(`${daemon.url}/#/resource/deploy%2Fa`);
    expect(await dialog.count()).toBe(0);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    await dialog.getByText('it has 4 s to find out and stop by itself').waitFor();
    await dialog.getByText('it does not rest').waitFor();
  });

  test('a secret that cannot be one is refused as such', async () => {
    const daemon = await guarded();
    const { page } = await openPage(daemon.url);
    for (const [user, secret, text] of [
      ['', 'schlüssel', 'This is no secret'],
      ['ops', 'schlüssel', 'This user and its secret are not known here'],
      ['käthe:x', 'пароль', 'This user and its secret are not known here'],
    ] as const) {
      await page.getByLabel('User').fill(user);
      await page.getByLabel('Secret').fill(secret);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText(text).waitFor();
    }
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await signIn(page, 'ops', daemon.secrets.ops);
  });
});
