/** Where a member of a cluster says that it is called. */
import { describe, expect, test } from 'vitest';
import { advertisedUrl, hostOf } from '../../src/cli/advertised-url.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { parseListenAddress } from '../../src/http/addresses.js';

/** What is wrong; without anything wrong, the URL. */
function told(listen: readonly string[], advertiseUrl?: string, encrypts = false): string {
  try {
    return advertisedUrl({ advertiseUrl, listen: listen.map(parseListenAddress), encrypts });
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

test.each([
  ['an address that others reach', ['10.0.0.7:7420'], 'http://10.0.0.7:7420'],
  [
    'one, beside those of this machine',
    ['127.0.0.1:1', 'unix:/run/s', '[2001:db8::7]:7420'],
    'http://[2001:db8::7]:7420',
  ],
  ['a name', ['lock-a.example.org:80'], 'http://lock-a.example.org:80'],
])('what is listened at says it: %s', (_, listen, url) => {
  expect(told(listen)).toBe(url);
  expect(told(listen, undefined, true)).toBe(url.replace('http:', 'https:'));
});

const NEEDED =
  '--store takes --advertise-url URL, where clients reach this daemon, as in http://lock-a.example.org:7420: ';

test.each([
  ['nobody else reaches it', ['127.0.0.1:7420', 'unix:/run/s'], 'by --listen no other machine can reach it'],
  [
    'two addresses',
    ['10.0.0.7:1', '10.0.0.8:2'],
    '--listen names several addresses (10.0.0.7:1, 10.0.0.8:2)',
  ],
  ['every address', ['0.0.0.0:7420'], '--listen 0.0.0.0:7420 stands for every address of this machine'],
  ['every address of IPv6', ['[::]:7420'], '--listen [::]:7420 stands for every address of this machine'],
  ['any port', ['10.0.0.7:0'], '--listen 10.0.0.7:0 takes any port'],
])('it must be said where %s', (_, listen, doubt) => {
  expect(told(listen)).toBe(NEEDED + doubt);
  expect(told(listen, 'http://a:1')).toBe('http://a:1');
});

describe('what may be said', () => {
  test.each([
    ['http://lock-a.example.org:7420', 'http://lock-a.example.org:7420'],
    ['HTTPS://Lock-A.example.org/', 'https://lock-a.example.org'],
    ['http://127.0.0.1:7421', 'http://127.0.0.1:7421'],
    ['https://locks.example.org/east//', 'https://locks.example.org/east'],
  ])('%s', (given, url) => {
    expect(told(['0.0.0.0:1'], given)).toBe(url);
  });

  test.each([
    'lock-a:7420',
    'unix:/run/s',
    'ftp://a',
    'http://',
    'http://a:1/?b',
    'http://a:1/#b',
    'http://a:0',
    'http://a:99999',
    'http://a\\b',
    'http://a b',
  ])('not %s', (given) => {
    expect(told(['10.0.0.7:1'], given)).toBe(
      '--advertise-url must be like http://lock-a.example.org:7420: http or https, a host, no user, no query; ' +
        `it is '${given}'`,
    );
  });

  test('not one with a user, and the secret is not repeated', () => {
    expect(told(['10.0.0.7:1'], 'http://user:secret@a:1')).toBe(
      '--advertise-url must be like http://lock-a.example.org:7420: http or https, a host, no user, no query',
    );
  });

  test.each(['http://0.0.0.0:1', 'http://[::]:1'])('not %s, which is no machine', (given) => {
    expect(told(['10.0.0.7:1'], given)).toBe(
      `--advertise-url ${given} names no machine: give a name or an address of this one`,
    );
  });
});

test.each([
  ['http://Lock-A:1', 'lock-a'],
  ['http://[2001:db8::7]:1', '2001:db8::7'],
])('the host of %s, as it is called', (url, host) => {
  expect(hostOf(url)).toBe(host);
});
