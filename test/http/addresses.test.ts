import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  addressText,
  isLoopback,
  listenError,
  parseListenAddress,
  peerText,
} from '../../src/http/addresses.js';

describe('parseListenAddress', () => {
  test.each([
    ['127.0.0.1:7420', '127.0.0.1', 7420],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['localhost:65535', 'localhost', 65535],
    ['locks-1.example.org:80', 'locks-1.example.org', 80],
    ['[::1]:7420', '::1', 7420],
    ['[::]:7420', '::', 7420],
    ['[fe80::1%eth0]:7420', 'fe80::1%eth0', 7420],
  ])('reads %s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  test('reads unix:PATH, from the working directory where it is relative', () => {
    expect(parseListenAddress('unix:/run/lockd/socket')).toEqual({ path: '/run/lockd/socket' });
    expect(parseListenAddress('unix:a/../b.sock')).toEqual({ path: resolve('b.sock') });
    expect(parseListenAddress(`unix:/${'a'.repeat(106)}`)).toEqual({ path: `/${'a'.repeat(106)}` });
    expect(isLoopback({ path: '/run/lockd/socket' })).toBe(true);
    expect(addressText({ path: '/run/lockd/socket' })).toBe('unix:/run/lockd/socket');
  });

  test.each([
    ['unix:', 'name the socket, as in unix:/run/lockd/socket'],
    ['unix:a\0b', 'no path has a NUL in it'],
    [`unix:/${'a'.repeat(107)}`, 'the path of a socket has at most 107 bytes'],
    ['', 'write HOST:PORT'],
    ['127.0.0.1', 'write HOST:PORT'],
    ['7420', 'write HOST:PORT'],
    ['127.0.0.1:', 'write HOST:PORT'],
    ['127.0.0.1:x', 'write HOST:PORT'],
    ['127.0.0.1:-1', 'write HOST:PORT'],
    ['127.0.0.1:7420 ', 'write HOST:PORT'],
    [':7420', 'say which host'],
    ['[]:7420', 'say which host'],
    ['127.0.0.1:65536', 'ports go from 0 to 65535'],
    ['127.0.0.1:99999', 'ports go from 0 to 65535'],
    ['::1', 'stands in brackets'],
    ['::1:7420', 'stands in brackets'],
    ['0:0:0:0:0:0:0:1:7420', 'stands in brackets: [0:0:0:0:0:0:0:1]:7420'],
    ['[::1]', 'write HOST:PORT'],
    ['[::1:7420', 'write HOST:PORT'],
    ['[127.0.0.1]:7420', 'no IPv6 address in the brackets'],
    ['*:7420', "'*' is no host"],
    ['http://localhost:7420', "'http://localhost' is no host"],
    ['a b:7420', "'a b' is no host"],
    ['-x:7420', "'-x' is no host"],
  ])('refuses %j', (text, advice) => {
    expect(() => parseListenAddress(text)).toThrow(`'${text}' is no address to listen on: `);
    expect(() => parseListenAddress(text)).toThrow(advice);
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['LocalHost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.0.1', false],
  ['128.0.0.1', false],
  ['fe80::1', false],
  ['localhost.example.org', false],
  ['127.1', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback({ host, port: 0 })).toBe(expected);
});

test.each([
  ['10.0.0.1', 5, '10.0.0.1:5'],
  ['::1', 5, '[::1]:5'],
  ['::ffff:10.0.0.1', 5, '10.0.0.1:5'],
  ['::FFFF:10.0.0.1', 5, '10.0.0.1:5'],
  ['::ffff:a00:1', 5, '[::ffff:a00:1]:5'],
  [undefined, undefined, 'unknown'],
])('the peer %s, %s is written %s', (address, port, text) => {
  expect(peerText(address, port)).toBe(text);
});

test.each([
  ['EADDRINUSE', 'the port is in use'],
  ['EACCES', 'CAP_NET_BIND_SERVICE'],
  ['EADDRNOTAVAIL', 'no such address'],
  ['ENOTFOUND', 'no such host'],
  ['EWHATEVER', 'something else'],
])('%s is explained', (code, text) => {
  const cause = Object.assign(new Error('something else'), { code });
  const error = listenError({ host: '::1', port: 80 }, cause);
  expect(error.message).toMatch(/^Cannot listen on \[::1\]:80: /);
  expect(error.message).toContain(text);
  expect(error.cause).toBe(cause);
});
