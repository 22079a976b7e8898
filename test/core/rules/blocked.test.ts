/** Who is in the way: rules/blocked.ts. */
import { describe, test } from 'vitest';
import { after, cancel, enqueue, force, type History, lock, play, unlock } from '../history.js';
import { World } from '../world.js';

const TWO = { limit: 2 } as const;
const fence = (client: string) => force('db', client, { aftermath: 'fence' });

const HISTORIES: Record<string, History> = {
  'a living holder comes before one that is being fenced': [
    [lock('db', 'A', TWO), 'token 1'],
    [lock('db', 'B', TWO), 'token 2'],
    [fence('A'), 'true'],
    [lock('db', 'C', TWO), "1 Resource already locked by 'B'"],
  ],
  'somebody for whom it is kept comes before one that is being fenced': [
    [lock('db', 'A', TWO), 'token 1'],
    [lock('db', 'B', TWO), 'token 2'],
    [enqueue('db', 'C', TWO), 'queued 1'],
    [fence('A'), 'true'],
    [unlock('db', 'B'), 'true'],
    [lock('db', 'D', TWO), "1 Resource already locked by 'C'"],
    [cancel('db', 'C'), 'true'],
    [lock('db', 'D', TWO), 'token 3'],
  ],
  'only lost ones: the first of them is named': [
    [lock('db', 'A', TWO), 'token 1'],
    [lock('db', 'B', TWO), 'token 2'],
    [force('db', 'B', { aftermath: 'delay' }), 'true'],
    [after(3), 'later'],
    [fence('A'), 'true'],
    [
      lock('db', 'C', TWO),
      "9 'db' is being fenced: 'A' (token 1) was lost 0 s ago; the fence command has not succeeded yet; " +
        'it waits for success or confirmFenced',
    ],
    [
      lock('db', 'B', TWO),
      "9 'db' rests: 'B' (token 2) was lost 3 s ago; it is free again when the lock-delay is over",
    ],
  ],
  'it is kept for as many as there are free slots': [
    [lock('db', 'A', { limit: 3 }), 'token 1'],
    [lock('db', 'B', { limit: 3 }), 'token 2'],
    [lock('db', 'C', { limit: 3 }), 'token 3'],
    [enqueue('db', 'D', { limit: 3 }), 'queued 1'],
    [enqueue('db', 'E', { limit: 3 }), 'queued 2'],
    [enqueue('db', 'F', { limit: 3 }), 'queued 3'],
    [unlock('db', 'A'), 'true'],
    [lock('db', 'X', { limit: 3 }), "1 Resource already locked by 'B', 'C', 'D'"],
    [unlock('db', 'B'), 'true'],
    [lock('db', 'X', { limit: 3 }), "1 Resource already locked by 'C', 'D', 'E'"],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});
