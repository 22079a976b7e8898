import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../root.js';
import { CONTROLS } from './controls.js';

test.each([...CONTROLS])('%s: what it leaves out stands in the source, once', (_, patches) => {
  for (const { file, replace } of patches) {
    expect(readFileSync(join(ROOT, file), 'utf8').split(replace)).toHaveLength(2);
  }
});
