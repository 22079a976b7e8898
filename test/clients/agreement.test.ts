/** The command line, clients/lockd.py and clients/lockd.sh: the same settings give the same exit status, and show no secret. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockd } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockdPy } from './python-process.js';
import { fakeDaemon } from './shell-daemon.js';
import { lockdSh } from './shell-process.js';

const USAGE = 2;
const NO_DAEMON = 69;
const NOT_LET_IN = 77;

/** The user `ci`, whose secret is in a file with this content. */
function user(content: string, name = 'ci'): Record<string, string> {
  const file = join(temporaryDirectory(), 'secret');
  writeFileSync(file, content, { mode: 0o600 });
  return { LOCKD_USER: name, LOCKD_SECRET_FILE: file };
}

describeWith(['curl', 'flock', 'python3'], 'the three clients agree', () => {
  test.each<[string, number, (host: string) => Record<string, string>]>([
    ['nobody', NOT_LET_IN, (host) => ({ LOCKD_URL: `http://${host}` })],
    ['a scheme in capitals', NOT_LET_IN, (host) => ({ LOCKD_URL: `HTTP://ci:s3c@${host}` })],
    ['an @ in the secret', NOT_LET_IN, (host) => ({ LOCKD_URL: `http://ci:s3c@x@${host}` })],
    ['brackets and umlauts in the secret', NOT_LET_IN, (host) => ({ LOCKD_URL: `http://ci:s3c[ü]@${host}` })],
    ['two ways', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c@${host}`, ...user('s3c\n') })],
    ['some of the addresses', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c@${host},http://${host}` })],
    ['two users', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c@${host},http://eve:s3c@${host}` })],
    ['a user without secret', USAGE, (host) => ({ LOCKD_URL: `http://ci@${host}` })],
    ['nobody before an @', USAGE, (host) => ({ LOCKD_URL: `http://@${host}` })],
    ['neither user nor secret', USAGE, (host) => ({ LOCKD_URL: `http://:@${host}` })],
    ['# in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c#x@${host}` })],
    ['? in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c?x@${host}` })],
    ['a backslash in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c\\x@${host}` })],
    ['a blank in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c x@${host}` })],
    ['a tab in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c\tx@${host}` })],
    ['%00 in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c%00x@${host}` })],
    ['%7F in the secret', USAGE, (host) => ({ LOCKD_URL: `http://ci:s3c%7Fx@${host}` })],
    ['a file with CR LF', NOT_LET_IN, (host) => ({ LOCKD_URL: `http://${host}`, ...user('s3c\r\n') })],
    ['a file with CR', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, ...user('s3c\r') })],
    ['a file with two lines', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, ...user('s3c\nx\n') })],
    ['a file with an empty line', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, ...user('s3c\n\n') })],
    ['a file with NUL', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, ...user('s3c\0\n') })],
    ['an empty file', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, ...user('') })],
    ['a line feed in the name', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, ...user('s3c\n', 'c\ni') })],
    ['no authority', USAGE, (host) => ({ LOCKD_URL: `http://${host}`, LOCKD_CA: '/nowhere/ca' })],
    ['one slash', USAGE, (host) => ({ LOCKD_URL: `http:/${host}` })],
    ['a socket with #', USAGE, () => ({ LOCKD_URL: 'unix:/nowhere/x#y' })],
    ['a socket that is not there', NO_DAEMON, () => ({ LOCKD_URL: 'unix:/nowhere/lockd.sock' })],
  ])('%s: %i', async (_what, status, given) => {
    const { url } = await fakeDaemon(() => ({ status: 401, body: 'Unauthorized' }));
    const variables = given(url.replace('http://', ''));
    const words = ['status', 'r'];
    const outcomes = await Promise.all([
      lockd(words, variables),
      lockdPy(words, url, variables),
      lockdSh(words, { variables }),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([status, status, status]);
    for (const { stdout, stderr } of outcomes) expect(`${stdout}${stderr}`).not.toContain('s3c');
  });
});
