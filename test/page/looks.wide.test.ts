/**
 * How it looks: no serious fault for those who cannot see it well, or use no mouse. With LOCKD_UPDATE_README it renews the
 * pictures of the README.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeWith } from '../needs.js';
import { DESK, live, openPage, PATIENTLY, type Page, PHONE, rowOf, shareOf } from './browser.js';
import { type Guarded, guarded, signIn } from './guarded.js';

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const PICTURES = fileURLToPath(new URL('../../docs/', import.meta.url));

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds that is serious or worse. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** Something of everything. */
async function furnish(daemon: Guarded): Promise<void> {
  const { client } = daemon;
  await client('ci', 'ci/build-4711').lock('deploy/prod', { ttl: 40, note: 'release 4.2' });
  await client('ci', 'ci/build-4712').enqueue('deploy/prod', { ttl: 120, note: 'release 4.3', claim: 3_600 });
  await client('ci', 'ci/build-4713').enqueue('deploy/prod', { ttl: 120, claim: 3_600 });
  await client('ci', 'ci/build-4702').lock('deploy/staging', { ttl: 60, note: 'smoke tests' });
  await client('ops', 'backup@db1').lock('db/main', { note: 'nightly backup' });
  for (const device of ['a', 'b', 'c', 'd', 'e']) {
    await client('ops', `tester-${device}`).lock('devices/phone', { limit: 6, ttl: 900 });
  }
  await client('ops', 'cluster@node2').lock('host/web3', { ttl: 0.5, note: 'disk takeover' });
  await expect
    .poll(async () => (await client('ops').status('host/web3')).fence?.[0]?.tries ?? 0, PATIENTLY)
    .toBeGreaterThan(0);
}

describeWith(['chromium'], 'how the page looks', () => {
  test.each(['light', 'dark'] as const)('%s: list, resource, dialogs, signing in', async (colorScheme) => {
    const daemon = await guarded();
    await furnish(daemon);
    const { page, problems } = await openPage(daemon.url, { colorScheme, reducedMotion: 'reduce' });
    const check = async (place: string) => expect(await faults(page), place).toEqual([]);
    await check('signing in');
    await signIn(page, 'ops', daemon.secrets.ops);
    await live(page);
    await rowOf(page, 'host/web3').waitFor();
    if (process.env.LOCKD_UPDATE_README !== undefined) {
      // Bars that have run down a little make the better picture.
      await expect.poll(() => shareOf(page, 'deploy/prod'), PATIENTLY).toBeLessThan(0.8);
      await page.screenshot({ path: `${PICTURES}page-${colorScheme}.png` });
    }
    await check('list');
    await page.getByRole('button', { name: 'Lock…' }).click();
    await check('locking');
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'host/web3' }).click();
    await page.getByRole('button', { name: 'Confirm fenced…' }).click();
    await check('confirming');
    await page.keyboard.press('Escape');
    await page.goBack();
    await page.getByRole('link', { name: 'deploy/prod' }).click();
    await page.getByRole('table', { name: 'History' }).waitFor();
    await check('resource');
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    await check('forcing');
    expect(problems()).toEqual([]);
  });

  test('at the width of a phone nothing is cut off', async () => {
    const daemon = await guarded();
    await furnish(daemon);
    const { page } = await openPage(daemon.url, { viewport: PHONE });
    await signIn(page, 'ops', daemon.secrets.ops);
    await rowOf(page, 'host/web3').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
    expect(await faults(page)).toEqual([]);
    await page.getByRole('link', { name: 'deploy/prod' }).click();
    await page.getByRole('table', { name: 'History' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
    expect(await faults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Force unlock…' }).click();
    const box = await page.getByRole('dialog').boundingBox();
    expect(box?.width).toBeLessThanOrEqual(PHONE.width);
  });

  test('the keyboard alone does it all', async () => {
    const daemon = await guarded();
    await daemon.client('ci', 'ci/a').lock('deploy/x', { ttl: 600 });
    const { page } = await openPage(daemon.url, { viewport: DESK });
    const focused = () =>
      page.evaluate<string>('document.activeElement?.textContent || document.activeElement?.name || ""');
    // The form has the focus, and Enter sends it.
    await page.keyboard.type('ops');
    await page.keyboard.press('Tab');
    await page.keyboard.type(daemon.secrets.ops);
    await page.keyboard.press('Enter');
    await rowOf(page, 'deploy/x').waitFor();
    await page.getByRole('link', { name: 'deploy/x' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'deploy/x' }).waitFor();
    // The focus is where the new content begins.
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    for (let tabs = 0; tabs < 10 && (await focused()) !== 'Force unlock…'; tabs += 1)
      await page.keyboard.press('Tab');
    expect(await focused()).toBe('Force unlock…');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('Force unlock…');
    await page.keyboard.press('Enter');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Enter');
    await page.getByText('Nobody holds it.').waitFor();
    // What has been done is said aloud, and the focus is not lost.
    expect(await page.locator('#announcer').textContent()).toBe('Forced: ci/a holds deploy/x no more');
    expect(await page.evaluate('document.activeElement !== document.body')).toBe(true);
    await page.goBack();
    await page.getByRole('heading', { name: 'Locks', level: 1 }).waitFor();
  });

  test('who wants no motion has none', async () => {
    const daemon = await guarded();
    await daemon.client('ci', 'ci/a').lock('deploy/x', { ttl: 600 });
    const { page } = await openPage(daemon.url, { reducedMotion: 'reduce' });
    await signIn(page, 'eve', daemon.secrets.eve);
    const fill = rowOf(page, 'deploy/x').locator('.lease-fill');
    await fill.waitFor();
    const duration = () =>
      fill.evaluate((one) => one.ownerDocument.defaultView?.getComputedStyle(one).transitionDuration);
    // A bar is made anew with every answer, and has no style before it stands in the page.
    await expect.poll(duration, PATIENTLY).toBe('0s');
  });
});
