/** 100,000 locks: the page is there at once, stays quick, and shows what happens as it happens. */
import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Lockd } from '../../src/service/lockd.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { live, openPage, PATIENTLY, rowOf } from './browser.js';
import { clientOf } from './guarded.js';

const LOCKS = 100_000;

const MEMORY = '/dev/shm';

const nameOf = (number: number) => `lock/${String(number).padStart(6, '0')}`;

/** Takes them in process, many in one turn. */
async function takeMany(directory: string): Promise<void> {
  const lockd = await Lockd.open(directory);
  for (let from = 0; from < LOCKS; from += 5_000) {
    const turn = Array.from({ length: 5_000 }, (_, index) =>
      lockd.lock(nameOf(from + index), `client-${index % 7}`, { ttl: 2_678_400, note: 'one of many' }),
    );
    await Promise.all(turn);
  }
  await lockd.close();
}

/** What it takes where nobody else wants the machine: the quarter of all rounds that was quickest stays below this. */
function quickQuarter(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 4)] ?? Number.NaN;
}

describeWith(['chromium'], '100,000 locks', () => {
  test('first page under a second, an update under 250 ms, pages and search as quick', async () => {
    // The page is what is measured, not the disk: making and removing so many files there takes minutes.
    if (existsSync(MEMORY)) vi.stubEnv('TMPDIR', MEMORY);
    const directory = temporaryDirectory();
    vi.unstubAllEnvs();
    await takeMany(directory);
    const { url } = await serve(['--log-level', 'warn'], directory);
    const { page, problems } = await openPage(url);
    await live(page);
    expect(await page.locator('tbody').count()).toBe(100);
    await page.getByText('100,000 held').waitFor();

    const firsts: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      // By the clock of the page, from the start of its loading to the moment in which the list stands there.
      await page.goto('about:blank');
      await page.goto(url);
      firsts.push(
        Number(
          await page.evaluate(`new Promise((resolve) => {
            const look = () => document.querySelectorAll('tbody').length === 100
              ? resolve(performance.now()) : requestAnimationFrame(look);
            look();
          })`),
        ),
      );
    }
    await live(page);
    expect(quickQuarter(firsts)).toBeLessThan(1_000);

    // From the call's answer to the moment in which it stands in the row.
    const client = clientOf({ url, client: 'newcomer' });
    const updates: number[] = [];
    for (let round = 0; round < 16; round += 1) {
      const name = `lock/000003/${round}`;
      const seen = page.evaluate(
        `new Promise((resolve) => {
          const isThere = () => [...document.querySelectorAll('.resource')].some((one) => one.textContent === ${JSON.stringify(name)});
          new MutationObserver(() => isThere() && resolve(Date.now())).observe(document.body, { childList: true, subtree: true });
        })`,
      );
      await page.evaluate('0'); // It watches from here on.
      await client.lock(name, { ttl: 60 });
      const answered = Date.now();
      updates.push(Number(await seen) - answered);
    }
    expect(quickQuarter(updates)).toBeLessThan(250);

    // From page to page, and back.
    await page.getByRole('link', { name: 'Next page' }).click();
    await rowOf(page, nameOf(100)).waitFor();
    await page.getByRole('link', { name: 'Next page' }).click();
    await rowOf(page, nameOf(200)).waitFor();
    await page.getByRole('link', { name: 'Previous page' }).click();
    await rowOf(page, nameOf(100)).waitFor();
    await page.goBack();
    await rowOf(page, nameOf(200)).waitFor();
    await page.getByRole('link', { name: 'First page' }).click();
    await rowOf(page, nameOf(0)).waitFor();

    // The last of all, by its name; by client; by state.
    const search = page.getByLabel('Resource begins with');
    await search.fill(nameOf(LOCKS - 1));
    await rowOf(page, nameOf(LOCKS - 1)).waitFor();
    expect(await page.locator('tbody').count()).toBe(1);
    expect(new URL(page.url()).hash).toBe('#/?prefix=lock%2F099999');
    await search.fill('');
    await page.getByLabel('Client (holds or waits)').fill('newcomer');
    await rowOf(page, 'lock/000003/0').waitFor();
    await expect.poll(() => page.locator('tbody').count(), PATIENTLY).toBe(16);
    await page.getByLabel('State').selectOption('fencing');
    await page.getByText('Nothing is locked that matches').waitFor();
    expect(problems()).toEqual([]);
    console.log(
      `first page ${Math.round(quickQuarter(firsts))} ms, update ${Math.round(quickQuarter(updates))} ms`,
    );
  }, 900_000);
});
