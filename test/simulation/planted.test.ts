import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PLANTED } from './planted.js';

test.each(PLANTED)('$name is a safety that the source still has', ({ also = [], ...planted }) => {
  for (const { file, replace, by } of [planted, ...also]) {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    expect(source.split(replace)).toHaveLength(2);
    expect(by).not.toBe(replace);
  }
});
