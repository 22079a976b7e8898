/** From a failure to what is printed and how the process exits. */
import { CommanderError } from 'commander';
import { RefusedCall } from '../client/errors.js';
import { defectText } from './defect.js';
import { DEFECT, DONE, exitStatusOf, USAGE } from './exit-status.js';
import { ExplainedRefusal } from './explain.js';
import { printable } from './printable.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

/**
 * Prints a failure and answers the exit status. With --json it is one document on standard output,
 * `{"error": {"message": ...}}`, except where the words were no command line at all.
 */
export function reportFailure(error: unknown, terminal: Terminal): number {
  // Commander has printed it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE;
  const status = error instanceof ExplainedRefusal ? error.exitStatus : exitStatusOf(error);
  if (terminal.json) {
    terminal.answer({ json: { error: { ...failureOf(error), exitStatus: status } } });
    return status;
  }
  for (const line of linesOf(error, status)) terminal.aside(terminal.paintAside('red', printable(line)));
  if (error instanceof ExplainedRefusal && error.advice !== undefined)
    terminal.aside(printable(error.advice));
  return status;
}

function linesOf(error: unknown, status: number): readonly string[] {
  if (error instanceof UsageError) return error.problems.map((problem) => `error: ${problem}`);
  return [status === DEFECT ? defectText(error) : messageOf(error)];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failureOf(error: unknown): object {
  if (error instanceof ExplainedRefusal) {
    const { advice, status, refused } = error;
    return { ...failureOf(refused), advice, status };
  }
  if (error instanceof RefusedCall) {
    const { code, refusal, message } = error;
    return { code, name: refusal, message };
  }
  if (error instanceof UsageError && error.problems.length > 1) {
    return { message: error.message, problems: error.problems };
  }
  return { message: messageOf(error) };
}
