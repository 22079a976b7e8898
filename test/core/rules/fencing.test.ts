/** What becomes of a lost hold that still takes its slot: rules/fencing.ts. */
import { describe, expect, test } from 'vitest';
import type { Status } from '../../../src/core/answers.js';
import {
  after,
  confirmFenced,
  enqueue,
  fenced,
  fenceFailed,
  force,
  type History,
  lock,
  play,
  refused,
  restart,
  status,
  told,
  unlock,
} from '../history.js';
import { World } from '../world.js';

const fence = (resource: string, client: string) => force(resource, client, { aftermath: 'fence' });

const A_FENCED: History = [
  [lock('host', 'A'), 'token 1'],
  [fence('host', 'A'), 'true'],
];
const fencing = (runs: string, since = 0) =>
  `9 'host' is being fenced: 'A' (token 1) was lost ${since} s ago; ${runs}; it waits for success or confirmFenced`;

/** A and B are being fenced, C holds, D waits. */
const SEVERAL: History = [
  [lock('db', 'A', { limit: 3 }), 'token 1'],
  [lock('db', 'B', { limit: 3 }), 'token 2'],
  [lock('db', 'C', { limit: 3 }), 'token 3'],
  [lock('db', 'D', { limit: 3, wait: 99 }), 'waits'],
  [fence('db', 'A'), 'true'],
  [fence('db', 'B'), 'true'],
  [told('D'), 'nothing'],
];

const HISTORIES: Record<string, History> = {
  'failed runs are counted and told': [
    ...A_FENCED,
    [lock('host', 'B'), fencing('the fence command has not succeeded yet')],
    [fenceFailed('host', 'A', 1, 'exit 1'), 'true'],
    [after(12), 'later'],
    [lock('host', 'B'), fencing('the fence command failed once, with exit 1', 12)],
    [fenceFailed('host', 'A', 1, 'no answer in 60 s'), 'true'],
    [lock('host', 'B'), fencing('the fence command failed 2 times, last with no answer in 60 s', 12)],
    [restart, 'started'],
    [lock('host', 'B'), fencing('the fence command failed 2 times, last with no answer in 60 s', 12)],
    [fenced('host', 'A', 1), 'true'],
    [lock('host', 'B'), 'token 2'],
  ],
  'who waits is granted only after the success, with a higher token': [
    ...A_FENCED,
    [lock('host', 'B', { wait: 99 }), 'waits'],
    [fenceFailed('host', 'A', 1), 'true'],
    [told('B'), 'nothing'],
    [fenced('host', 'A', 1), 'true'],
    [told('B'), 'token 2'],
  ],
  'a success that was not saved frees nothing': [
    ...A_FENCED,
    [lock('host', 'B', { wait: 99 }), 'waits'],
    [refused(fenced('host', 'A', 1)), 'not saved'],
    [told('B'), 'nothing'],
    [lock('host', 'C'), fencing('the fence command has not succeeded yet')],
    [fenced('host', 'A', 1), 'true'],
    [told('B'), 'token 3'],
  ],
  'late words about another hold change nothing': [
    ...A_FENCED,
    [fenced('host', 'A', 2), 'true'],
    [fenced('host', 'B', 1), 'true'],
    [fenceFailed('host', 'A', 2), 'true'],
    [lock('host', 'B'), fencing('the fence command has not succeeded yet')],
    [fenced('host', 'A', 1), 'true'],
    [lock('host', 'A'), 'token 2'],
    [fenced('host', 'A', 1), 'true'],
    [fenced('host', 'A', 2), 'true'],
    [fenceFailed('host', 'A', 2), 'true'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
  ],
  confirmFenced: [
    [confirmFenced('host'), '3 Resource not locked'],
    [lock('host', 'A'), 'token 1'],
    [confirmFenced('host'), "-32602 parameter 'resource' is 'host', of which no hold is being fenced"],
    [fence('host', 'A'), 'true'],
    [
      confirmFenced('host', '2'),
      "-32602 parameter 'token' is 2, which is not being fenced on 'host'; being fenced: 1",
    ],
    [confirmFenced('host', '01'), 'true'],
    [confirmFenced('host', '1'), '3 Resource not locked'],
    [lock('host', 'B'), 'token 2'],
  ],
  'confirmFenced ends a lock-delay, too': [
    [lock('host', 'A'), 'token 1'],
    [force('host', 'A', { aftermath: 'delay' }), 'true'],
    [fenceFailed('host', 'A', 1), 'true'],
    [confirmFenced('host'), 'true'],
    [lock('host', 'B'), 'token 2'],
  ],
  'several are being fenced: confirmFenced needs to know which': [
    ...SEVERAL,
    [confirmFenced('db'), "-32602 parameter 'token' is needed, because 2 holds of 'db' are being fenced"],
    [
      confirmFenced('db', '3'),
      "-32602 parameter 'token' is 3, which is not being fenced on 'db'; being fenced: 1, 2",
    ],
    [confirmFenced('db', '2'), 'true'],
    [told('D'), 'token 4'],
    [confirmFenced('db'), 'true'],
    [lock('db', 'E', { limit: 3 }), 'token 5'],
  ],
  'several are being fenced: each slot for itself': [
    ...SEVERAL,
    [lock('db', 'E', { limit: 3 }), "1 Resource already locked by 'C'"],
    [unlock('db', 'C'), 'true'],
    [told('D'), 'token 4'],
    [unlock('db', 'D'), 'true'],
    [fence('db', 'C'), "-32602 parameter 'client' is 'C', who does not hold 'db'; 'A' does"],
    [lock('db', 'E', { limit: 3 }), 'token 5'],
    [fence('db', 'E'), 'true'],
    [
      lock('db', 'F', { limit: 3 }),
      "9 'db' is being fenced: 'A' (token 1) was lost 0 s ago; the fence command has not succeeded yet; " +
        'it waits for success or confirmFenced',
    ],
  ],
  'nobody is granted a resource on which a hold of its own is being fenced': [
    [lock('db', 'A', { limit: 2 }), 'token 1'],
    [fence('db', 'A'), 'true'],
    [
      lock('db', 'A', { limit: 2 }),
      "9 'db' is being fenced: 'A' (token 1) was lost 0 s ago; the fence command has not succeeded yet; " +
        'it waits for success or confirmFenced',
    ],
    [lock('db', 'A', { limit: 2, wait: 99 }), 'waits'],
    [told('A'), 'nothing'],
    [lock('db', 'B', { limit: 2 }), 'token 2'],
    [unlock('db', 'B'), 'true'],
    [told('A'), 'nothing'],
    [fenced('db', 'A', 1), 'true'],
    [told('A'), 'token 3'],
  ],
  'a victim in line keeps nobody else waiting': [
    [lock('db', 'X', { limit: 3 }), 'token 1'],
    [lock('db', 'Y', { limit: 3 }), 'token 2'],
    [lock('db', 'A', { limit: 3 }), 'token 3'],
    [fence('db', 'A'), 'true'],
    [lock('db', 'A', { limit: 3, wait: 99 }), 'waits'],
    [lock('db', 'B', { limit: 3, wait: 99 }), 'waits'],
    [enqueue('db', 'C', { limit: 3 }), 'queued 3'],
    [unlock('db', 'X'), 'true'],
    [told('B'), 'token 4'],
    [unlock('db', 'Y'), 'true'],
    [lock('db', 'D', { limit: 3 }), "1 Resource already locked by 'B', 'C'"],
    [{ kind: 'cancel', resource: 'db', client: 'C' }, 'true'],
    [lock('db', 'D', { limit: 3 }), 'token 5'],
    [told('A'), 'nothing'],
    [fenced('db', 'A', 3), 'true'],
    [told('A'), 'token 6'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

test('the status of several that are being fenced names each with its runs', () => {
  const world = new World();
  play(world, [
    ...SEVERAL,
    [fenceFailed('db', 'B', 2, 'exit 7'), 'true'],
    [force('db', 'C', { aftermath: 'delay' }), 'true'],
  ]);
  const { answer } = world.do(status('db')) as { answer: Status };
  expect(answer.state).toBe('fencing');
  expect(answer.fence).toEqual([
    { client: 'A', token: '1', tries: 0 },
    { client: 'B', token: '2', tries: 1, lastError: 'exit 7' },
  ]);
  expect(answer.holders.map(({ state }) => state)).toEqual(['fencing', 'fencing', 'delayed']);
});

test('a failed run is in the history with its error', () => {
  const world = new World();
  play(world, [...A_FENCED, [fenceFailed('host', 'A', 1, 'exit 7'), 'true']]);
  expect(world.changes.at(-1)).toMatchObject({ event: 'fenceFailed', token: 1, reason: 'exit 7' });
  expect(world.table.fencing).toBe(1);
});
