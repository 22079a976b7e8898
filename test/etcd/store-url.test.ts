import { expect, test } from 'vitest';
import { readStoreUrl } from '../../src/etcd/store-url.js';

test.each<[string, object]>([
  [
    'etcd://127.0.0.1:2379/lockd',
    {
      text: 'etcd://127.0.0.1:2379/lockd',
      endpoints: [new URL('http://127.0.0.1:2379/')],
      prefix: '/lockd',
      encrypts: false,
    },
  ],
  ['etcd://a/lockd', { text: 'etcd://a:2379/lockd', endpoints: [new URL('http://a:2379/')] }],
  [
    'etcd://a,b:1,c/x/y-1/',
    {
      endpoints: ['http://a:2379/', 'http://b:1/', 'http://c:2379/'].map((url) => new URL(url)),
      prefix: '/x/y-1',
    },
  ],
  [
    'etcds://etcd-1.example.org/l',
    { endpoints: [new URL('https://etcd-1.example.org:2379/')], encrypts: true },
  ],
  [
    'etcd://[::1]:2379,[fe80::1]/l',
    { endpoints: [new URL('http://[::1]:2379/'), new URL('http://[fe80::1]:2379/')] },
  ],
  ['etcd://lockd@a/l', { user: 'lockd', text: 'etcd://a:2379/l' }],
  ['etcds://l%40x@a:443/l', { user: 'l@x', endpoints: [new URL('https://a:443/')] }],
])('%s', (text, expected) => {
  expect(readStoreUrl(text)).toMatchObject(expected);
});

test('who nobody is has no name', () => {
  expect(readStoreUrl('etcd://a/l')).not.toHaveProperty('user');
});

test.each<[string, string]>([
  ['', "it is ''"],
  ['etcd://a', "it is 'etcd://a'"],
  ['http://a:2379/l', "it is 'http://a:2379/l'"],
  ['etcd:///l', "it is 'etcd:///l'"],
  ['etcd://a b/l', "it is 'etcd://a b/l'"],
  ['etcd://a/', "its PREFIX is ''"],
  ['etcd://a//l', "its PREFIX is '//l'"],
  ['etcd://a/l?x', "its PREFIX is '/l?x'"],
  ['etcd://a/l#x', "its PREFIX is '/l#x'"],
  ['etcd://a/ä', "its PREFIX is '/ä'"],
  ['etcd://a/l%20', "its PREFIX is '/l%20'"],
  [`etcd://a/${'x'.repeat(200)}`, 'its PREFIX has 201 characters, and takes 200'],
  ['etcd://a/lockd/record/x', "'record' or 'history'"],
  ['etcd://a/history', "'record' or 'history'"],
  ['etcd://a,/l', "'' is no HOST"],
  ['etcd://a:0/l', "'a:0' is no HOST"],
  ['etcd://a:99999/l', "'a:99999' is no HOST"],
  ['etcd://a:b/l', "'a:b' is no HOST"],
  ['etcd://a\\b/l', "'a\\b' is no HOST"],
  ['etcd://::1/l', "'::1' is no HOST"],
  ['etcd://a,b,a:2379/l', 'it names a:2379 twice'],
  ['etcd://@a/l', 'its USER cannot be read'],
  ['etcd://%zz@a/l', 'its USER cannot be read'],
  [
    'etcd://lockd:hunter2@a/l',
    'a password has no place in it, where others can read it; give it with --store-secret-file',
  ],
  ['etcd://lockd:@a/l', 'a password has no place in it'],
  ['etcd://lockd:hunter2/x@a/l', 'a password has no place in it'],
])('%s is refused: %s', (text, problem) => {
  expect(() => readStoreUrl(text)).toThrow(`--store must be like etcd://etcd-1:2379,etcd-2:2379/lockd: `);
  expect(() => readStoreUrl(text)).toThrow(problem);
});

test.each([
  'etcd://lockd:hunter2@a/l',
  'x://lockd:hunter2@a',
  'etcd://lockd:hunter2@a@b/l',
  'etcd://lockd:hunter2/x@a/l',
  'etcd://lockd:x/hunter2@a/l',
  'lockd:hunter2@a',
])('no secret of %s is shown', (text) => {
  expect(() => readStoreUrl(text)).toThrow(/^(?!.*hunter2)/s);
});
