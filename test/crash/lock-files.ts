/** Whether the lock files say what the daemon says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFileName } from '../../src/lock-files/names.js';
import type { FoundHold } from './ledger.js';

/** Where the lock files in `directory` differ from `holds`, one sentence each. */
export function lockFileProblems(directory: string, holds: readonly FoundHold[]): string[] {
  const names = new Set(readdirSync(directory).filter((name) => name.endsWith('.lock')));
  const problems: string[] = [];
  for (const resource of new Set(holds.map((hold) => hold.resource))) {
    const name = lockFileName(resource);
    const own = holds.filter((hold) => hold.resource === resource);
    if (!names.delete(name)) problems.push(`${name} is missing`);
    else problems.push(...contentProblems(readFileSync(join(directory, name), 'utf8'), name, resource, own));
  }
  return [...problems, ...[...names].map((name) => `${name} is stale`)];
}

function contentProblems(
  text: string,
  name: string,
  resource: string,
  holds: readonly FoundHold[],
): string[] {
  const content = parsed(text);
  const said = content?.holders?.map(({ client, token }) => `${client} ${token}`);
  const known = holds.map(({ client, token }) => `${client} ${token}`);
  const isTrue = content?.resource === resource && said?.join('\n') === known.join('\n');
  return isTrue ? [] : [`${name} says ${text}`];
}

interface Content {
  readonly resource?: string;
  readonly holders?: readonly { readonly client: string; readonly token: string }[];
}

function parsed(text: string): Content | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The problems that are left when the daemon has had a moment: it renews the contents of an earlier daemon's files
 * after its start, between turns. `turn` makes it do another one.
 */
export async function lastingLockFileProblems(
  directory: string,
  holds: readonly FoundHold[],
  turn: () => Promise<unknown>,
): Promise<string[]> {
  const giveUpAt = performance.now() + 5_000;
  for (;;) {
    const problems = lockFileProblems(directory, holds);
    if (problems.length === 0 || performance.now() > giveUpAt) return problems;
    await turn();
  }
}
