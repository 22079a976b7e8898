/** Random histories of everything, played to the rules and to a model that is too simple to be wrong in the same way. */
import fc from 'fast-check';
import { test } from 'vitest';
import { Driver } from './model/drive.js';
import { history } from './model/steps.js';
import { runs } from './runs.js';

test('the rules answer, tell and keep what the model does, through refused turns and restarts', () => {
  fc.assert(
    fc.property(history, (steps) => new Driver().play(steps)),
    runs(400),
  );
});
