/** Names and notes that somebody chose with care: shown as text, and as nothing else. */
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { DESK, live, openPage, PHONE, rowOf } from './browser.js';
import { clientOf } from './guarded.js';

const NAMES = [
  '<script>document.title="owned"</script>',
  '<img src=x onerror="document.title=\'owned\'">',
  '"><svg onload=document.title=1>',
  'javascript:document.title="owned"',
  "'; drop table locks; --",
  '__proto__',
  'constructor',
  '&lt;b&gt; &amp; ]]>',
  'a/b?c=d#e%20f&g',
  '100%',
  '../../etc/passwd',
  'שלום/עולם',
  'مرحبا/prod',
  'deploy/שלום-prod-42',
  '🔒 käthe',
  'x'.repeat(512),
  'very/long/'.repeat(50),
  'ü'.repeat(256),
];

describeWith(['chromium'], 'names of somebody else’s choice', () => {
  test.each([
    ['desk', DESK],
    ['phone', PHONE],
  ])('harm nothing, at the width of a %s', async (_name, viewport) => {
    const { url } = await serve();
    const client = clientOf({ url, client: '<b onclick=alert(1)>eve</b>' });
    for (const name of NAMES) await client.lock(name, { note: `<i>${name.slice(0, 300)}</i>`, ttl: 3_600 });
    const waiting = clientOf({ url, client: 'y'.repeat(256) });
    for (const name of NAMES) await waiting.enqueue(name, { note: '<u>soon</u>' });
    const { page, problems } = await openPage(url, { viewport });
    await live(page);
    for (const name of NAMES) expect(await rowOf(page, name).count(), name).toBe(1);
    const names = await page.locator('.resource bdi').allTextContents();
    expect(names.sort()).toEqual([...NAMES].sort());
    expect(await page.locator('main').locator('script, img, svg, b[onclick], i, u').count()).toBe(0);
    const isTooWide = () => page.evaluate('document.documentElement.scrollWidth > innerWidth');
    expect(await isTooWide()).toBe(false);
    for (const name of NAMES) {
      await page.getByRole('link', { name, exact: true }).click();
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByRole('table', { name: 'History' }).waitFor();
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(name);
      expect(await page.getByRole('listitem').locator('bdi').first().textContent()).toBe('y'.repeat(256));
      expect(await isTooWide(), name).toBe(false);
      await page.goBack();
      await rowOf(page, name).waitFor();
    }
    expect(await page.title()).toBe('Locks · lockd');
    expect(problems()).toEqual([]);
  });

  test('an address leads to the very resource, also after a reload', async () => {
    const { url } = await serve();
    const { page, problems } = await openPage(url);
    for (const name of NAMES) {
      await page.goto(`${url}/#/resource/${encodeURIComponent(name)}`);
      await page.reload();
      await page.getByText('Nobody holds it.').waitFor();
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(name);
      expect(await page.title()).toBe(`${name.trim()} · lockd`);
    }
    expect(problems()).toEqual([]);
  });

  test('a name that reads from right to left moves nothing around it', async () => {
    const { url } = await serve();
    const client = clientOf({ url, client: 'א' });
    await client.lock('שלום', { note: 'תודה', ttl: 60 });
    const { page } = await openPage(url);
    const row = rowOf(page, 'שלום');
    await row.getByText(/from/).waitFor();
    const left = async (text: RegExp | string) => (await row.getByText(text).first().boundingBox())?.x ?? 0;
    expect(await left('held')).toBeGreaterThan(await left('שלום'));
    expect(await left(/^\d{16}$/)).toBeGreaterThan(await left(/ left$/));
  });

  test('text that no script wrote runs nowhere, even if it came to be markup', async () => {
    const { url } = await serve();
    const { page, problems } = await openPage(url);
    await live(page);
    // Where somebody finds a way to bring markup in, the policy of the page stops it.
    const attempts = [
      `document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="document.title=1">')`,
      `document.body.append(Object.assign(document.createElement('script'), { src: 'data:text/javascript,1' }))`,
      `document.body.innerHTML = '<b>x</b>'`,
      `new Function('document.title = 1')()`,
      `trustedTypes.createPolicy('another', { createHTML: (text) => text })`,
    ];
    for (const attempt of attempts) {
      // Not within the evaluation itself, for which the browser makes an exception.
      const later = `(async () => { await new Promise((resolve) => setTimeout(resolve)); ${attempt} })()`;
      await expect(page.evaluate(later), attempt).rejects.toThrow();
    }
    await expect(page.evaluate(`fetch('http://127.0.0.1:1/')`)).rejects.toThrow();
    expect(
      problems().filter((text) => /Content.Security.Policy|TrustedHTML/i.test(text)).length,
    ).toBeGreaterThan(0);
    expect(await page.title()).toBe('Locks · lockd');
  });
});
