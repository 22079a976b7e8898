/** The classic dialogue: two resources, two clients, three errors, as every client must see it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

/** One call and what must come back: a hold of that client, true, or the fault as `CODE TEXT`. */
interface Line {
  readonly call: readonly [method: 'lock' | 'unlock', resource: string, client: string];
  readonly answer: 'hold' | true | string;
}

const DIALOGUE: readonly Line[] = [
  { call: ['lock', 'resource1', 'client1'], answer: 'hold' },
  { call: ['lock', 'resource1', 'client2'], answer: "1 Resource already locked by 'client1'" },
  { call: ['lock', 'resource2', 'client2'], answer: 'hold' },
  {
    call: ['unlock', 'resource1', 'client2'],
    answer: "2 Resource locked by 'client1' cannot be unlocked by 'client2'",
  },
  { call: ['unlock', 'resource1', 'client1'], answer: true },
  { call: ['unlock', 'resource1', 'client1'], answer: '3 Resource not locked' },
];

/** What a client in some language printed as one line of JSON. */
export type Said = { readonly value: unknown } | { readonly fault: readonly [code: number, text: string] };

/** Makes the calls one by one with `say`, checks each answer and what lies in `directory`; `between` comes between two. */
export async function haveDialogue(
  directory: string,
  say: (call: Line['call']) => Promise<Said> | Said,
  between: () => Promise<void> = async () => undefined,
): Promise<void> {
  const tokens: string[] = [];
  for (const [index, { call, answer }] of DIALOGUE.entries()) {
    if (index > 0) await between();
    const said = await say(call);
    const where = `line ${index + 1}: ${call.join(' ')}`;
    if (answer === 'hold') tokens.push(tokenOf(said, call, where));
    else expect('fault' in said ? said.fault.join(' ') : said.value, where).toBe(answer);
    expectLockFile(directory, index < 4 ? 'client1' : undefined, where);
  }
  const [first = '', second = ''] = tokens;
  // 16 digits: what a client reads as a 32-bit number, or as an inexact one, would be another number.
  expect(tokens).toEqual([expect.stringMatching(/^\d{16}$/), expect.stringMatching(/^\d{16}$/)]);
  expect(BigInt(second)).toBeGreaterThan(BigInt(first));
}

function tokenOf(said: Said, [, resource, client]: Line['call'], where: string): string {
  const hold = 'value' in said ? said.value : said.fault;
  expect(hold, where).toMatchObject({ resource, client, token: expect.any(String) });
  return (hold as { token: string }).token;
}

/** resource1.lock names its client while it is held, and then is gone. */
function expectLockFile(directory: string, client: string | undefined, where: string): void {
  const path = join(directory, 'resource1.lock');
  if (client === undefined) expect(existsSync(path), where).toBe(false);
  else expect(JSON.parse(readFileSync(path, 'utf8')).holders, where).toMatchObject([{ client }]);
}
