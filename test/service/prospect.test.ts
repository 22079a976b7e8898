/** What a loss would lead to, for those who look before they force. */
import { expect, test } from 'vitest';
import { begin, FENCE_ALL, FENCE_COMMAND } from './fixture.js';

test.each([
  ['a fence command', { fence: FENCE_ALL }, { fenceCommand: FENCE_COMMAND }],
  [
    'a fence command goes before a lock-delay',
    { fence: FENCE_ALL, lockDelay: 30 },
    { fenceCommand: FENCE_COMMAND },
  ],
  ['a lock-delay', { lockDelay: 30 }, { lockDelay: 30 }],
  ['neither', {}, {}],
])('%s', async (_name, options, expected) => {
  const { lockd } = await begin(options);
  await lockd.lock('r', 'A');
  const prospect = async (resource: string) => {
    const { fenceCommand, lockDelay } = await lockd.status(resource);
    return { ...(fenceCommand && { fenceCommand }), ...(lockDelay && { lockDelay }) };
  };
  expect(await prospect('r')).toEqual(expected);
  expect(await prospect('free')).toEqual(expected);
  // A list of thousands does not say it for each.
  expect((await lockd.list())[0]).not.toHaveProperty('fenceCommand');
});
