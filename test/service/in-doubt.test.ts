/** Who holds a semaphore where the journal and the lock file name more than may hold it. */
import { expect, test } from 'vitest';
import type { HoldRecord } from '../../src/core/records.js';
import { judge } from '../../src/service/in-doubt.js';

/** Named like `A1`: the client and its token. */
function holds(...names: readonly string[]): HoldRecord[] {
  return names.map((name) => ({
    kind: 'hold',
    resource: 's',
    client: name.slice(0, 1),
    token: Number(name.slice(1)),
    limit: 2,
    acquired: 0,
    from: 'process',
    waited: 0,
  }));
}

test.each([
  ['the lock file knows the latest, and so who else is left', ['A1', 'B2'], ['A1', 'C3'], ['A1', 'C3']],
  ['the unlock is missing, the grant after it is not', ['A1', 'B2', 'C3'], ['A1', 'C3'], ['A1', 'C3']],
  ['the lock file is older than the journal', ['B2', 'C3'], ['A1', 'B2'], ['B2', 'C3']],
  ['neither has all, both together no more than may', ['A1'], ['B2'], ['A1', 'B2']],
])('%s', (_, known, told, expected) => {
  const verdict = judge({
    known: holds(...known),
    file: { kind: 'told', holds: holds(...told) },
    isDoubted: false,
    ended: new Set(),
  });
  expect(verdict.holds.map(({ client, token }) => `${client}${token}`).sort()).toEqual(expected);
});
