/** The rules of `lockd serve` for fence commands. */
import { describe, expect, test } from 'vitest';
import { fenceCommand, fenceRule, fenceRules } from '../../src/cli/fence-rules.js';

const TRUE = '/bin/true';
const FALSE = '/bin/false';

function rules(texts: readonly string[], command?: string): string[] {
  return fenceRules(texts.map(fenceRule), command === undefined ? undefined : fenceCommand(command));
}

describe('what the daemon is given', () => {
  test.each<{ texts: string[]; command?: string; given: string[] }>([
    { texts: [], given: [] },
    { texts: [`host/*=${TRUE}`, `vm/*=${FALSE}`], given: [`host/*=${TRUE}`, `vm/*=${FALSE}`] },
    { texts: [], command: TRUE, given: [`*=${TRUE}`] },
    { texts: [`host/*=${FALSE}`], command: TRUE, given: [`host/*=${FALSE}`, `*=${TRUE}`] },
  ])('$given', ({ texts, command, given }) => {
    expect(rules(texts, command)).toEqual(given);
  });
});

describe('what is never used is refused', () => {
  test.each<{ texts: string[]; command?: string; says: string }>([
    {
      texts: [`*=${TRUE}`, `host/*=${FALSE}`],
      says: `--fence 'host/*=${FALSE}' would never be used: the first match counts, and --fence '*=${TRUE}' comes before it`,
    },
    { texts: [`a=${TRUE}`, `b=${TRUE}`, `a=${FALSE}`], says: `--fence 'a=${FALSE}' would never be used` },
    { texts: [`*=${TRUE}`], command: FALSE, says: `--fence-command ${FALSE} would never be used` },
  ])('$says', ({ texts, command, says }) => {
    expect(() => rules(texts, command)).toThrow(says);
  });
});

test.each(['', 'host/*', '=/bin/true', 'host/*=', 'host/*=/no/such/command', 'host/*=/'])(
  "'%s' is no rule",
  (text) => {
    expect(() => fenceRule(text)).toThrow(/^must /);
  },
);
