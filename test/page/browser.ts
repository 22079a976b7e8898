/** Debian's Chromium, and pages in it that note whatever goes wrong. */
import { spawnSync } from 'node:child_process';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';

export type { Page } from 'playwright-core';

let browser: Promise<Browser> | undefined;

afterAll(async () => {
  await (await browser)?.close();
});

function launched(): Promise<Browser> {
  const { stdout } = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' });
  browser ??= chromium.launch({ executablePath: stdout.trim(), args: ['--no-sandbox'] });
  return browser;
}

export interface OpenPage {
  readonly page: Page;
  /**
   * What no page may have: errors on its console, exceptions, breaches of its policy, requests to other hosts. Messages about
   * answers with these statuses are what the test is about.
   */
  problems(expectedStatuses?: readonly number[]): string[];
}

/** The size of a window on a desk, and of a phone. */
export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** A window of its own, without memory, at the page of a daemon. It is closed with the test. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await (await launched()).newContext({ viewport: DESK, locale: 'en-GB', ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const { host } = new URL(url);
  page.on('request', (request) => {
    if (new URL(request.url()).host !== host) problems.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return {
    page,
    problems: (expectedStatuses = []) =>
      problems.filter((text) => !expectedStatuses.some((status) => text.includes(`status of ${status} `))),
  };
}

/** For `expect.poll`: a busy machine takes its time. */
export const PATIENTLY = { timeout: 15_000 };

/** Resolves when the page says that it is live. */
export async function live(page: Page): Promise<void> {
  await page.locator('html[data-live="live"]').waitFor();
}

/** The lines of a resource in the list. */
export function rowOf(page: Page, resource: string) {
  return page.locator('tbody').filter({ has: page.getByRole('link', { name: resource, exact: true }) });
}

/** The share of a lease that its bar shows, 0 to 1. */
export async function shareOf(page: Page, resource: string): Promise<number> {
  const transform = await rowOf(page, resource)
    .locator('.lease-fill')
    .evaluate((fill) => fill.style.transform);
  return Number(/scaleX\((.*)\)/.exec(transform)?.[1]);
}
