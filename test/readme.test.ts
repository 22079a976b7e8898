/** The tables of the README are those of the code. `LOCKD_UPDATE_README=1 npx vitest run test/readme.test.ts` renews them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commandTableMarkdown } from '../src/cli/markdown.js';
import { methodTableMarkdown, refusalTableMarkdown } from '../src/xmlrpc/markdown.js';

const README = new URL('../README.md', import.meta.url);

/** The text between `<!-- name…-->` and `<!-- /name -->`. */
function block(name: string): RegExp {
  return new RegExp(`(<!-- ${name}[^>]*-->\n)([^]*?)(<!-- /${name} -->)`);
}

test.each([
  ['methods', methodTableMarkdown()],
  ['refusals', refusalTableMarkdown()],
  ['commands', commandTableMarkdown()],
])('the table of %s is that of the code', (name, table) => {
  const text = readFileSync(README, 'utf8');
  if (process.env.LOCKD_UPDATE_README !== undefined) {
    writeFileSync(
      README,
      text.replace(block(name), (_all, open, _old, close) => `${open}\n${table}\n${close}`),
    );
    return;
  }
  expect(block(name).exec(text)?.[2]).toBe(`\n${table}\n`);
});
