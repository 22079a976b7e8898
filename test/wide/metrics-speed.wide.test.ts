/** What a scrape of the metrics costs. */
import { Lockd } from 'lockd';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { metricsText, scrape } from '../scrape.js';
import { temporaryDirectory } from '../temporary-directory.js';

test('100,000 locks: a scrape costs what it costs without any, and keeps others waiting for less than 20 ms', async () => {
  const directory = temporaryDirectory();
  const lockd = await Lockd.open(directory);
  // A thousand holders of each, so that there are few lock files.
  const clients = Array.from({ length: 1_000 }, (_, index) => `client ${index}`);
  for (let resource = 0; resource < 100; resource += 1) {
    await Promise.all(clients.map((client) => lockd.lock(`r${resource}`, client, { limit: 1_000 })));
  }
  await lockd.close();
  const { url } = await serve([], directory);
  expect((await scrape(url)).get('lockd_held')).toBe(100_000);
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const begun = performance.now();
    await metricsText(url);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  // From end to end. Of the slower ones other processes of the machine have their part.
  expect(times[25]).toBeLessThan(20);
});
