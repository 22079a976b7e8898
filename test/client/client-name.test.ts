/** Who a client is by default. */
import { hostname, userInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { callerName, processName } from '../../src/client/client-name.js';

const ME = `${userInfo().username}@${hostname()}`;

describe('a single call', () => {
  test.each([
    { environment: {}, name: ME },
    { environment: { CI: 'true' }, name: ME },
    { environment: { CI_JOB_ID: '4711' }, name: `${ME}:4711` },
    { environment: { GITHUB_RUN_ID: '99' }, name: `${ME}:99` },
    { environment: { BUILD_TAG: 'jenkins-app-7' }, name: `${ME}:jenkins-app-7` },
    { environment: { CI_JOB_ID: '', BUILD_TAG: 'tag' }, name: `${ME}:tag` },
    { environment: { CI_JOB_ID: '1', GITHUB_RUN_ID: '2', BUILD_TAG: '3' }, name: `${ME}:1` },
  ])('$environment', ({ environment, name }) => {
    expect(callerName(environment)).toBe(name);
  });
});

test('a process has a name of its own, which differs each time', () => {
  expect(processName()).toMatch(/^.+@.+:\d+-[0-9a-f]{6}$/);
  expect(processName()).not.toBe(processName());
});
