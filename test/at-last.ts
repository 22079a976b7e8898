/**
 * What has to be undone when it is over: at the end of the test, or of the experiment inside or outside of a test. So that
 * daemons, mounts and folders serve tests and commands alike.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

type Undo = () => unknown;

const scopes = new AsyncLocalStorage<Undo[]>();
const open = new Set<Undo[]>();

// It can be imported only where it runs.
const vitest = process.env.VITEST === undefined ? undefined : await import('vitest');

/** Does `undo` when the experiment is over, or else the test; what was told last comes first. */
export function atLast(undo: Undo): void {
  const scope = scopes.getStore();
  if (scope) scope.push(undo);
  else if (vitest) vitest.onTestFinished(async () => void (await undo()));
  else throw new Error('neither a test nor an experiment runs here');
}

/** Does `work`, and then undoes what it said has to be undone, however it ended. */
export async function experiment<T>(work: () => Promise<T>): Promise<T> {
  const scope: Undo[] = [];
  open.add(scope);
  try {
    return await scopes.run(scope, work);
  } finally {
    await undoAll(scope);
    open.delete(scope);
  }
}

/** Undoes what all experiments have done so far: for a program that is told to end in the middle of them. */
export async function undoExperiments(): Promise<void> {
  for (const scope of open) await undoAll(scope);
}

async function undoAll(scope: Undo[]): Promise<void> {
  for (let undo = scope.pop(); undo; undo = scope.pop()) await undo();
}
