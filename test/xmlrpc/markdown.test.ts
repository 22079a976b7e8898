import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/core/refusals.js';
import { methodTableMarkdown, refusalTableMarkdown } from '../../src/xmlrpc/markdown.js';
import { METHODS } from '../../src/xmlrpc/methods.js';

/** The cells of a table, row by row. */
const cells = (markdown: string) =>
  markdown
    .trimEnd()
    .split('\n')
    .map((row) => row.slice(2, -2).split(' | '));

test('the table of methods', () => {
  const rows = cells(methodTableMarkdown());
  expect(rows.slice(0, 2)).toEqual([
    ['method', 'role', 'answer', 'notes'],
    ['---', '---', '---', '---'],
  ]);
  expect(rows).toHaveLength(METHODS.size + 2);
  expect(rows).toContainEqual([
    '`unlock(resource, client, options)`',
    'client',
    'true',
    'Gives back what the client holds. `token` (only that very hold)',
  ]);
  expect(new Set(rows.map((row) => row.length))).toEqual(new Set([4]));
  expect(rows.find(([method]) => method?.startsWith('`update('))?.[1]).toBe(
    'client; operator with `newClient`',
  );
});

test('the table of refusals', () => {
  const rows = cells(refusalTableMarkdown());
  expect(rows).toHaveLength(Object.keys(REFUSALS).length + 2);
  expect(rows).toContainEqual(['3', 'notLocked', 'nobody holds the resource', '1', 'no']);
});
