import { expect, test } from 'vitest';
import { readAuthorization } from '../../src/http/credentials.js';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

test.each([
  [basic('ci:secret'), { name: 'ci', secret: 'secret' }],
  [basic('ci:a:b'), { name: 'ci', secret: 'a:b' }],
  [basic('ci:'), { name: 'ci', secret: '' }],
  [basic(':secret'), { name: '', secret: 'secret' }],
  [basic('jürgen:gehëim'), { name: 'jürgen', secret: 'gehëim' }],
  [basic('ci:secret').replace('Basic', 'bAsIc  '), { name: 'ci', secret: 'secret' }],
  [`${basic('ci:secret')}  `, { name: 'ci', secret: 'secret' }],
  [basic('ci:secret').replaceAll('=', ''), { name: 'ci', secret: 'secret' }],
  ['Bearer 0123abc', { secret: '0123abc' }],
  ['bearer a.b-c_d~e+f/g=', { secret: 'a.b-c_d~e+f/g=' }],
])('%j', (header, credentials) => {
  expect(readAuthorization(header)).toEqual(credentials);
});

test.each([
  ...['', 'Basic', 'Basic ', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearer a\tb', 'Basic a:b', 'Basic !!!!'],
  basic('no colon'),
  'Digest username="ci", realm="lockd"',
  'Negotiate YII=',
  'Basic dXNlcjpwYXNz, Basic dXNlcjpwYXNz',
  ' Bearer x',
])('%j carries none', (header) => {
  expect(readAuthorization(header)).toBeUndefined();
});
