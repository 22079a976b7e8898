/** A day at the page: two clients fight for a host, one dies, an operator sees to it; and who may only look. */
import { expect, test } from 'vitest';
import { describeWith } from '../needs.js';
import { live, openPage, PATIENTLY, rowOf, shareOf } from './browser.js';
import { guarded, signIn } from './guarded.js';

const RESOURCE = 'host/web1';

describeWith(['chromium'], 'the page', () => {
  test('shows two clients that fight for a lock, a lease that runs down, fencing, and force', async () => {
    const daemon = await guarded();
    const { page, problems } = await openPage(daemon.url);
    await signIn(page, 'ops', daemon.secrets.ops);
    await page.getByText('Nothing is locked').waitFor();
    await live(page);

    // One gets it, and the list shows it as it happens.
    const first = daemon.client('ci', 'ci/a');
    const { token } = await first.lock(RESOURCE, { ttl: 30, note: 'release 4.2' });
    const row = rowOf(page, RESOURCE);
    await row.getByText('ci/a').waitFor();
    expect(await row.textContent()).toContain('release 4.2');
    expect(await row.textContent()).toContain(token);
    await page.getByText('1 held').waitFor();

    // The bar runs down, and a renewal fills it.
    const full = await shareOf(page, RESOURCE);
    await expect.poll(() => shareOf(page, RESOURCE), PATIENTLY).toBeLessThan(full - 0.2);
    await first.renew(RESOURCE, { token });
    await expect.poll(() => shareOf(page, RESOURCE), PATIENTLY).toBeGreaterThan(0.85);

    // The other waits.
    const second = daemon.client('ci', 'ci/b');
    const granted = second.lock(RESOURCE, { ttl: 600, wait: 120 });
    await row.getByRole('cell', { name: '1', exact: true }).waitFor();

    // The first is heard of no more: it is lost, and its fence command fails.
    await first.renew(RESOURCE, { token, ttl: 1 });
    await row.getByText('fencing').waitFor();
    await page.getByRole('link', { name: RESOURCE }).click();
    await page.getByRole('heading', { name: RESOURCE, level: 1 }).waitFor();
    await page.getByText('The fence command failed').waitFor();
    await page.getByText('no answer from the switch').or(page.getByText('exit 1')).first().waitFor();
    expect(await page.getByRole('listitem').textContent()).toContain('ci/b');
    expect(daemon.fenced()).toEqual([]);

    // The operator has pulled the plug, and says so.
    await page.getByRole('button', { name: 'Confirm fenced…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'It is fenced' }).click();
    expect(await dialog.isVisible()).toBe(true); // Without a reason nothing is sent.
    await dialog.getByLabel('Reason').fill('pulled the plug');
    await dialog.getByRole('button', { name: 'It is fenced' }).click();
    const hold = await granted;
    expect(Number(hold.token)).toBeGreaterThan(Number(token));
    await page.getByRole('article', { name: 'Hold of ci/b' }).waitFor();
    await page.getByRole('cell', { name: 'pulled the plug' }).waitFor();

    // The second gets in the way too, and is forced; the page says what would run.
    daemon.letFencingSucceed();
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    expect(await dialog.textContent()).toContain(daemon.fenceCommand);
    await dialog.getByLabel('Reason').fill('wrong branch');
    await dialog.getByRole('button', { name: 'Force unlock' }).click();
    await page.getByText('Nobody holds it.').waitFor();
    expect(daemon.fenced()).toEqual([`${RESOURCE} ci/b`]);
    await expect(second.renew(RESOURCE, { token: hold.token })).rejects.toThrow(
      /forced by 'ops': wrong branch/,
    );
    const history = page.getByRole('table', { name: 'History' });
    await history.getByRole('cell', { name: 'wrong branch' }).waitFor();
    const events = await history.locator('.event-name').allTextContents();
    expect(events.slice(0, 4)).toEqual(['fenced', 'fencing', 'forced', 'granted']);
    expect(events.at(-1)).toBe('granted');
    expect(events).toContain('fence failed');
    expect(problems()).toEqual([]);
  });

  test('locks by hand, extends, unlocks; vouches where it forces', async () => {
    const daemon = await guarded();
    const { page, problems } = await openPage(daemon.url);
    await signIn(page, 'ops', daemon.secrets.ops);
    await page.getByRole('button', { name: 'Lock…' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByLabel('Client').inputValue()).toBe('ops/web');
    await dialog.getByLabel('Resource').fill(RESOURCE);
    await dialog.getByLabel('For how long').fill('soon');
    await dialog.getByLabel('Note').fill('maintenance');
    await dialog.getByRole('button', { name: 'Lock', exact: true }).click();
    expect(await dialog.isVisible()).toBe(true);
    await dialog.getByLabel('For how long').fill('10m');
    await dialog.getByRole('button', { name: 'Lock', exact: true }).click();
    const card = page.getByRole('article', { name: 'Hold of ops/web' });
    await card.getByText('maintenance').waitFor();
    const ops = daemon.client('ops', 'ops/web');
    expect((await ops.status(RESOURCE)).holders[0]).toMatchObject({ client: 'ops/web', ttl: 600 });

    await card.getByRole('button', { name: 'Extend…' }).click();
    await dialog.getByLabel('Add').fill('1h');
    await dialog.getByRole('button', { name: 'Extend' }).click();
    await card.getByText(/1 h (9|10) min left/).waitFor();

    await card.getByRole('button', { name: 'Unlock', exact: true }).click();
    await page.getByText('Nobody holds it.').waitFor();
    expect((await ops.status(RESOURCE)).state).toBe('free');

    // Of somebody else's: no Unlock, but force; vouched for, no command runs.
    await daemon.client('ci', 'ci/a').lock(RESOURCE);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    expect(await page.getByRole('button', { name: 'Unlock', exact: true }).count()).toBe(0);
    await dialog.getByLabel('Reason').fill('machine is off');
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('button', { name: 'Force unlock' }).click();
    await page.getByText('Nobody holds it.').waitFor();
    expect(daemon.fenced()).toEqual([]);
    expect(problems()).toEqual([]);
  });

  test('a refusal is shown as it is, with what to do, and the dialog stays', async () => {
    const daemon = await guarded();
    const { page, problems } = await openPage(daemon.url);
    await signIn(page, 'ci', daemon.secrets.ci);
    await daemon.client('ops').lock('deploy/prod', { note: 'freeze' });
    await page.getByRole('button', { name: 'Lock…' }).click();
    const dialog = page.getByRole('dialog');
    const lock = async (resource: string, client: string) => {
      await dialog.getByLabel('Resource').fill(resource);
      await dialog.getByLabel('Client').fill(client);
      await dialog.getByRole('button', { name: 'Lock', exact: true }).click();
    };
    await lock('deploy/prod', 'ci/web');
    await dialog.getByText("Resource already locked by 'ops' (code 1)").waitFor();
    await dialog.getByText('Wait until it is free').waitFor();
    await lock('db/main', 'ci/web');
    await dialog
      .getByText("User 'ci' (client) may not lock 'db/main'; it may: deploy/*, host/* (code 13)")
      .waitFor();
    await lock('deploy/x', 'ops');
    await dialog.getByText("User 'ci' (client) may not lock 'deploy/x' as 'ops'").waitFor();
    await lock('deploy/x', 'a\u0007b');
    await dialog.getByText('The text has a character that cannot be sent: U+0007').waitFor();
    await lock('deploy/x', 'ci/web');
    await page.getByRole('article', { name: 'Hold of ci/web' }).waitFor();
    expect(problems()).toEqual([]);
  });

  test('a client sees what it may, a viewer no button at all, and neither may more than it sees', async () => {
    const daemon = await guarded();
    await daemon.client('ops').lock('deploy/prod', { ttl: 600 });
    await daemon.client('ci', 'ci/a').lock('deploy/x', { ttl: 600 });
    const buttonsFor = async (user: 'ci' | 'eve', resource: string) => {
      const { page, problems } = await openPage(`${daemon.url}/#/resource/${encodeURIComponent(resource)}`);
      await page.getByLabel('User').fill(user);
      await page.getByLabel('Secret').fill(daemon.secrets[user]);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('table', { name: 'History' }).waitFor();
      const buttons = await page.locator('main').getByRole('button').allTextContents();
      await page.getByRole('link', { name: 'All locks' }).click();
      await page.getByRole('link', { name: resource }).waitFor();
      const inList = await page.locator('main').getByRole('button').allTextContents();
      expect(problems()).toEqual([]);
      return [buttons, inList];
    };
    expect(await buttonsFor('eve', 'deploy/prod')).toEqual([[], []]);
    expect(await buttonsFor('ci', 'deploy/prod')).toEqual([[], ['Lock…']]);
    expect(await buttonsFor('ci', 'deploy/x')).toEqual([['Extend…', 'Unlock'], ['Lock…']]);
  });
});
