/** What a caller learns of itself. */
import { expect, test } from 'vitest';
import type { User } from '../../src/access/user.js';
import { callOf } from './documents.js';
import { answerTo } from './fake-service.js';

test.each<[string, User | undefined, Record<string, unknown>]>([
  ['without users everybody is an operator', undefined, { role: 'operator' }],
  ['a viewer', { name: 'eve', role: 'viewer' }, { user: 'eve', role: 'viewer' }],
  [
    'a client, with its own names among those that it may use',
    { name: 'ci', role: 'client', allow: ['deploy/*'], clients: ['bot-*'] },
    { user: 'ci', role: 'client', allow: ['deploy/*'], clients: ['ci', 'ci/*', 'bot-*'] },
  ],
  [
    'a client that nothing else bounds',
    { name: 'ci', role: 'client' },
    { user: 'ci', role: 'client', clients: ['ci', 'ci/*'] },
  ],
  [
    'an operator',
    { name: 'ops', role: 'operator', allow: ['db/*'] },
    { user: 'ops', role: 'operator', allow: ['db/*'] },
  ],
])('%s', async (_name, user, expected) => {
  const context = { from: '192.0.2.1:1000', ...(user && { user }) };
  const answer = await answerTo(callOf('system.whoAmI'), undefined, context);
  expect(answer).toEqual({ value: new Map(Object.entries(expected)) });
});
