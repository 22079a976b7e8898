/** Pages of other sites, in a real browser, in front of somebody who could do everything: they do and learn nothing. */
import { expect, test } from 'vitest';
import { httpServer } from '../client/servers.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { live, openPage } from './browser.js';
import { clientOf } from './guarded.js';

/** Where the foreign page says what came of its attempts. */
const ATTEMPTS = (url: string) => `
  const call = '<methodCall><methodName>lock</methodName><params><param><value>r</value></param>' +
    '<param><value>evil</value></param></params></methodCall>';
  const outcome = (promise) => promise.then((answer) => 'answer ' + answer.type + ' ' + answer.status, () => 'nothing');
  const post = (more) => outcome(fetch('${url}/RPC2', { method: 'POST', body: call, ...more }));
  const script = (path) => new Promise((resolve) => {
    const made = document.createElement('script');
    made.onload = () => resolve('ran');
    made.onerror = () => resolve('nothing');
    made.src = '${url}' + path;
    document.head.append(made);
  });
  Promise.all([
    post({}),
    post({ headers: { 'Content-Type': 'text/xml' } }),
    post({ mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } }).then((text) => text.replace('answer opaque 0', 'nothing')),
    post({ mode: 'no-cors', credentials: 'include', keepalive: true }).then((text) => text.replace('answer opaque 0', 'nothing')),
    outcome(fetch('${url}/')),
    outcome(fetch('${url}/events')),
    script('/page.js'),
    Promise.resolve(navigator.sendBeacon('${url}/RPC2', call)).then(() => 'nothing'),
  ])
`;

describeWith(['chromium'], 'a page of another site', () => {
  test('calls nothing, reads nothing, frames nothing; a link from there leads here', async () => {
    const { url } = await serve();
    const foreign = await httpServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><title>evil</title>
        <iframe src="${url}/"></iframe>
        <form method="post" action="${url}/RPC2" enctype="text/plain" target="frame"><input name="&lt;methodCall&gt;" value="x"></form>
        <iframe name="frame"></iframe>
        <a href="${url}/#/resource/r">look</a>`);
    });
    for (const site of [foreign, foreign.replace('127.0.0.1', 'localhost')]) {
      const { page } = await openPage(site);
      expect(await page.evaluate(ATTEMPTS(url))).toEqual(Array.from({ length: 8 }, () => 'nothing'));
      await page.evaluate('document.forms[0].submit()');
      await page.getByRole('link', { name: 'look' }).waitFor();
      const frames = await Promise.all(
        page
          .frames()
          .slice(1)
          .map((frame) => frame.locator('main').count()),
      );
      expect(frames).toEqual([0, 0]);
      const { state } = await clientOf({ url }).status('r');
      expect(state).toBe('free');
      expect(await clientOf({ url }).history()).toEqual([]);
      await page.getByRole('link', { name: 'look' }).click();
      await page.getByText('Nobody holds it.').waitFor();
      await live(page);
    }
  });
});
