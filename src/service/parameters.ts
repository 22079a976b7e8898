/** Checks what callers give, before it becomes a command. What may stand in a name is decided in core/names.ts. */
import type { ResourceState } from '../core/commands.js';
import { MAX_TOKEN_DIGITS } from '../core/limits.js';
import { clientProblem, resourceProblem } from '../core/names.js';
import { BadParameter } from '../core/refusals.js';

/** Throws `BadParameter` if there is a problem. */
export function check(parameter: string, problem: string | undefined): void {
  if (problem !== undefined) throw new BadParameter(parameter, problem);
}

export function checkResource(resource: string): void {
  check('resource', resourceProblem(resource));
}

export function checkClient(client: string): void {
  check('client', clientProblem(client));
}

const STATES: readonly ResourceState[] = ['free', 'held', 'unreadable'];

export function stateProblem(state: string): string | undefined {
  if (STATES.some((known) => known === state)) return undefined;
  return `must be one of ${STATES.join(', ')}, not '${state.slice(0, 40)}'`;
}

export function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** What is wrong with `token` as the digits of a token. */
export function tokenProblem(token: string): string | undefined {
  if (/^\d+$/.test(token) && token.length <= MAX_TOKEN_DIGITS) return undefined;
  return `must be 1 to ${MAX_TOKEN_DIGITS} decimal digits, not '${token.slice(0, 40)}'`;
}
