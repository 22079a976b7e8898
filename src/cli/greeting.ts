/** What `lockd serve` says when it is ready: where it is, what it found, and what to try. */

import { VERSION } from '../service/version.js';
import { commandFor } from './connection.js';
import type { Daemon } from './daemon.js';
import { printable } from './printable.js';
import { shellWord } from './shell.js';
import type { Answer } from './terminal.js';

/** The greeting of a daemon that was just started. */
export function greeting(daemon: Daemon): Answer {
  const { urls, users, member } = daemon;
  // One that does not lead says so to whoever comes; the leader changes, and this text stays.
  const called = member?.url ?? reachableUrl(urls[0] ?? '');
  const text = [
    `lockd ${VERSION} listens at ${urls.join(' and ')}`,
    ...whereLocksAre(daemon),
    '',
    ...(users === undefined ? examples(called) : examplesForUsers(called, users)),
    '',
    'Ctrl-C stops it; what is locked stays locked.',
  ];
  return { json: greetingDocument(daemon), text: text.join('\n') };
}

function greetingDocument({ urls, lockd: { directory, id }, member, recoveredLocks }: Daemon): object {
  const common = { version: VERSION, urls, directory };
  return member ? { ...common, url: member.url, store: member.store, id } : { ...common, recoveredLocks };
}

function whereLocksAre({ lockd: { directory }, member, recoveredLocks = 0 }: Daemon): string[] {
  if (member) {
    return [
      `One of a cluster, as ${member.url}: it stands for leader, and the log says when it leads`,
      `Store: ${printable(member.store)}; lock files, while it leads: ${printable(directory)}`,
    ];
  }
  const locks = recoveredLocks === 1 ? '1 lock' : `${recoveredLocks.toLocaleString('en')} locks`;
  return [`Directory: ${printable(directory)} (${locks} recovered)`];
}

function examples(url: string): string[] {
  if (url.startsWith('unix:')) return socketExamples(url);
  return [
    'Try it from another terminal:',
    `  ${viaNpm()}${commandFor([new URL(url)], 'lock', ['deploy/prod', 'me'])}`,
    pythonExample(url),
    pageLine(url),
    ...trustAdvice(url),
  ];
}

/** The first address is a Unix socket. */
function socketExamples(url: string): string[] {
  const path = shellWord(url.slice('unix:'.length));
  return ['Try it from another terminal:', `  curl --unix-socket ${path} http://localhost/healthz`];
}

/** Programs trust the authorities that their system knows; a private one must be named. */
function trustAdvice(url: string): string[] {
  if (!url.startsWith('https:')) return [];
  return [
    'Where the certificate is signed by an authority that the system does not know, name its file: LOCKD_CA=FILE for',
    'lockd, SSL_CERT_FILE=FILE for Python.',
  ];
}

/** Nobody comes in without a secret, which is known to its user only. */
function examplesForUsers(url: string, users: string): string[] {
  if (url.startsWith('unix:')) return socketExamples(url);
  return [
    `Try it from another terminal, as a user of ${printable(users)} (lockd user add makes one):`,
    `  LOCKD_USER=NAME LOCKD_SECRET_FILE=FILE ${viaNpm()}${commandFor([new URL(url)], 'lock', ['deploy/prod'])}`,
    pythonExample(url.replace('://', '://NAME:SECRET@')),
    pageLine(url),
    ...trustAdvice(url),
  ];
}

function pythonExample(url: string): string {
  return `  python3 -c "from xmlrpc.client import ServerProxy as S; print(S('${url}').status('deploy/prod'))"`;
}

function pageLine(url: string): string {
  return `Or look at it in a browser: ${url}/`;
}

/** Who came by `npm start` may have no `lockd` on the PATH; `npx` finds that of the checkout. */
function viaNpm(): string {
  return process.env.npm_lifecycle_event === 'start' ? 'npx ' : '';
}

/** To listen everywhere is no address to call; this machine can be called at its loopback. */
function reachableUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
