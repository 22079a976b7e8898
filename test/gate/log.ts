/** What commands in a gate write down, and what must be true of it. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** A command line for `sh -c`, with the log and the token behind it: writes down that it begins, and that it ends. */
export const COMMAND = 'echo "begin $1" >>"$0"; echo "end $1" >>"$0"';

/** The tokens in the order of their commands. Fails where two commands overlap, or where a token is lower than one before. */
export function admittedIn(log: string, why: string): string[] {
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  const begun = lines.filter((_, at) => at % 2 === 0).map((line) => line.replace('begin ', ''));
  expect(lines, why).toEqual(begun.flatMap((token) => [`begin ${token}`, `end ${token}`]));
  expect(begun, why).toEqual([...begun].sort((a, b) => Number(a) - Number(b)));
  return begun;
}
