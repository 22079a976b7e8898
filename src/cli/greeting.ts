/** What `lockd serve` says when it is ready: where it is, what it found, and what to try. */

import { VERSION } from '../service/version.js';
import { commandFor } from './connection.js';
import type { Daemon } from './daemon.js';
import { printable } from './printable.js';
import type { Answer } from './terminal.js';

/** The greeting of a daemon that was just started. */
export function greeting({ urls, lockd: { directory, recoveredLocks } }: Daemon): Answer {
  const [url = ''] = urls;
  const reachable = reachableUrl(url);
  const locks = recoveredLocks === 1 ? '1 lock' : `${recoveredLocks.toLocaleString('en')} locks`;
  const text = [
    `lockd ${VERSION} listens at ${urls.join(' and ')}`,
    `Directory: ${printable(directory)} (${locks} recovered)`,
    '',
    'Try it from another terminal:',
    `  ${viaNpm()}${commandFor(new URL(reachable), 'lock', ['deploy/prod', 'me'])}`,
    `  python3 -c "from xmlrpc.client import ServerProxy as S; print(S('${reachable}').status('deploy/prod'))"`,
    '',
    'Ctrl-C stops it; what is locked stays locked.',
  ];
  return { json: { version: VERSION, urls, directory, recoveredLocks }, text: text.join('\n') };
}

/** Who came by `npm start` may have no `lockd` on the PATH; `npx` finds that of the checkout. */
function viaNpm(): string {
  return process.env.npm_lifecycle_event === 'start' ? 'npx ' : '';
}

/** To listen everywhere is no address to call; this machine can be called at its loopback. */
function reachableUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
