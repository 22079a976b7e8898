/** Which fence command is for which resource: rules of the form `PATTERN=COMMAND`, of which the first that matches counts. */
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { matches } from '../core/patterns.js';
import { errorCode } from '../disk/disk.js';

export interface FenceRule {
  /** As `matches` of core/patterns.ts reads it. */
  readonly pattern: string;
  /** The absolute path of an executable. */
  readonly command: string;
}

/** The rules in their order. */
export class FenceRules {
  constructor(private readonly rules: readonly FenceRule[]) {}

  /** The command of the first rule that matches; undefined: the resource is not fenced. */
  commandFor(resource: string): string | undefined {
    return this.rules.find((rule) => matches(rule.pattern, resource))?.command;
  }
}

/**
 * Reads `PATTERN=COMMAND`. A relative command is taken from `directory`. Answers the problem as a phrase that completes
 * "--fence ...": with the text itself, or with a command that could not be run.
 */
export function parseFenceRule(
  text: string,
  directory: string = process.cwd(),
): FenceRule | { readonly problem: string } {
  const separator = text.indexOf('=');
  if (separator < 0) {
    return { problem: `must be PATTERN=COMMAND, such as 'host/*=/usr/local/sbin/fence-host', not '${text}'` };
  }
  const pattern = text.slice(0, separator);
  const path = text.slice(separator + 1);
  if (pattern === '') return { problem: `must have a pattern before the '=' ('*' matches every resource)` };
  if (path === '') return { problem: `must have the path of an executable after '${pattern}='` };
  const command = resolve(directory, path);
  const problem = commandProblem(command);
  return problem === undefined ? { pattern, command } : { problem };
}

/** What is wrong with the file at `path` as a fence command, as a phrase that completes "--fence ...". */
function commandProblem(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return `must name an executable file, which '${path}' is not`;
  } catch (error) {
    return (
      `must name an executable file, but '${path}' cannot be found (${errorCode(error)}); ` +
      'it runs without a shell and without arguments, so put those into a script'
    );
  }
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch {
    return `must name an executable file, but lockd may not execute '${path}'; run: chmod +x '${path}'`;
  }
}
