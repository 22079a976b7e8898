import { expect, test } from 'vitest';
import { NO_SUCH_METHOD } from '../../src/xmlrpc/faults.js';
import { METHODS } from '../../src/xmlrpc/methods.js';
import { callOf } from './documents.js';
import { answerTo, valueOfAnswer } from './fake-service.js';

test('every method is listed', async () => {
  expect(await valueOfAnswer(callOf('system.listMethods'))).toEqual([
    'lock',
    'unlock',
    'renew',
    'extend',
    'update',
    'enqueue',
    'wait',
    'cancel',
    'check',
    'status',
    'list',
    'history',
    'stats',
    'forceUnlock',
    'confirmFenced',
    'system.listMethods',
    'system.methodHelp',
    'system.methodSignature',
    'system.getCapabilities',
    'system.whoAmI',
    'system.multicall',
  ]);
});

test.each([
  [
    'lock',
    [
      ['struct', 'string', 'string'],
      ['struct', 'string', 'string', 'struct'],
    ],
  ],
  [
    'wait',
    [
      ['struct', 'string', 'string', 'int'],
      ['struct', 'string', 'string', 'double'],
      ['struct', 'string', 'string', 'int', 'struct'],
      ['struct', 'string', 'string', 'double', 'struct'],
    ],
  ],
  ['cancel', [['boolean', 'string', 'string']]],
  [
    'check',
    [
      ['boolean', 'string', 'string'],
      ['boolean', 'string', 'int'],
    ],
  ],
  ['confirmFenced', [['boolean', 'string', 'struct']]],
  ['status', [['struct', 'string']]],
  ['list', [['array'], ['array', 'struct']]],
  ['forceUnlock', [['boolean', 'string', 'struct']]],
  ['stats', [['struct']]],
  ['system.multicall', [['array', 'array']]],
])('the signatures of %s', async (method, signatures) => {
  expect(await valueOfAnswer(callOf('system.methodSignature', method))).toEqual(signatures);
});

test('the help of a method has its options', async () => {
  expect(await valueOfAnswer(callOf('system.methodHelp', 'forceUnlock'))).toBe(
    'forceUnlock(resource, options): Ends somebody else’s hold, or the lock of a lock file that cannot be read. ' +
      'For operators. It answers when the loss is saved. Options: ' +
      'reason (string, required): why, at most 1,024 characters; the victim is told; ' +
      'client (string): whose hold; needed where several hold the resource; ' +
      'token (token): only that very hold, not one that the client got meanwhile; ' +
      'fenced (boolean): the caller vouches that the holder can do no more harm: no fence command runs.',
  );
});

test('the help of a method has the ranges of its seconds', async () => {
  expect(await valueOfAnswer(callOf('system.methodHelp', 'lock'))).toMatch(
    /wait \(seconds\): seconds to wait in the line, up to 3,600; .*; ttl \(seconds\): seconds of the lease, 0\.1 to 2,678,400; /,
  );
});

test('that nothing waits in a system.multicall stands in its help', async () => {
  expect(await valueOfAnswer(callOf('system.methodHelp', 'system.multicall'))).toContain('wait counts as 0');
});

test('every method has help and signatures', async () => {
  for (const name of METHODS.keys()) {
    expect(await valueOfAnswer(callOf('system.methodHelp', name))).toMatch(/^\S+\(.*\): [A-Z].*\.$/);
    expect(await valueOfAnswer(callOf('system.methodSignature', name))).not.toEqual([]);
  }
});

test.each(['system.methodHelp', 'system.methodSignature'])('%s of no method', async (method) => {
  expect(await answerTo(callOf(method, 'constructor'))).toMatchObject({ fault: { code: NO_SUCH_METHOD } });
});

test('the capabilities', async () => {
  const capabilities = await valueOfAnswer(callOf('system.getCapabilities'));
  expect(capabilities instanceof Map && [...capabilities.keys()]).toEqual([
    'xmlrpc',
    'introspection',
    'system.multicall',
    'faults_interop',
  ]);
});
