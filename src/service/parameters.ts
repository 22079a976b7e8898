/** Checks what callers give, before it becomes a command. What may stand in a name is decided in core/names.ts. */
import { RESOURCE_STATES } from '../core/answers.js';
import { MAX_TOKEN_DIGITS } from '../core/limits.js';
import { clientProblem, noteProblem, requestProblem, resourceProblem } from '../core/names.js';
import { BadParameter } from '../core/refusals.js';

/** Throws `BadParameter` if there is a problem. */
export function check(parameter: string, problem: string | undefined): void {
  if (problem !== undefined) throw new BadParameter(parameter, problem);
}

export function checkResource(resource: unknown): asserts resource is string {
  check('resource', stringProblem(resource) ?? resourceProblem(resource as string));
}

export function checkClient(client: unknown, parameter = 'client'): asserts client is string {
  check(parameter, stringProblem(client) ?? clientProblem(client as string));
}

/** Checks a retry key that may be absent. */
export function checkRequest(request: unknown): void {
  if (request !== undefined) check('request', stringProblem(request) ?? requestProblem(request as string));
}

/** Checks a duration: a finite number from `least` to `most`. */
export function checkSeconds(parameter: string, seconds: unknown, least: number, most: number): void {
  if (typeof seconds === 'number' && seconds >= least && seconds <= most) return;
  const range = `${least} to ${most.toLocaleString('en')}`;
  throw new BadParameter(parameter, `must be ${range} seconds, not ${shown(seconds)}`);
}

/** Checks a whole number from `least` to `most`. */
export function checkWhole(parameter: string, value: unknown, least: number, most: number): void {
  const isRight = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  check(
    parameter,
    isRight ? undefined : `must be a whole number from ${least} to ${most}, not ${shown(value)}`,
  );
}

/** Checks what is true, false or absent. */
export function checkFlag(parameter: string, flag: unknown): void {
  const isRight = flag === undefined || typeof flag === 'boolean';
  check(parameter, isRight ? undefined : `must be true or false, not ${shown(flag)}`);
}

/** The id of an event: two whole numbers with a point between. */
export function eventId(parameter: string, id: unknown): string {
  const problem =
    stringProblem(id) ??
    (/^\d{1,16}\.\d{1,9}$/.test(id as string) ? undefined : `is '${shown(id)}', which is no id of an event`);
  check(parameter, problem);
  return id as string;
}

function shown(value: unknown): string {
  return String(value).slice(0, 40);
}

/** Checks a text that may be absent: a note, or a reason. */
export function checkNote(parameter: string, note: unknown): void {
  if (note !== undefined) check(parameter, stringProblem(note) ?? noteProblem(note as string));
}

/** Checks that what may be absent is a string otherwise. */
export function checkText(parameter: string, text: unknown): void {
  if (text !== undefined) check(parameter, stringProblem(text));
}

/** Throws `BadParameter` for options that are no object, and for one that does not exist: a mistyped one does nothing. */
export function checkOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new BadParameter('options', 'must be an object');
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new BadParameter('options', `has no '${unknown}'; known: ${known.join(', ')}`);
}

/** The digits of a token that a caller may also give as a whole number. */
export function tokenDigits(token: unknown): string {
  const digits = typeof token === 'number' ? String(token) : token;
  check('token', stringProblem(digits) ?? tokenProblem(digits as string));
  return digits as string;
}

/** Callers in JavaScript have no types to keep them. */
function stringProblem(value: unknown): string | undefined {
  return typeof value === 'string'
    ? undefined
    : `must be a string, not ${value === null ? 'null' : typeof value}`;
}

export function stateProblem(state: string): string | undefined {
  if (RESOURCE_STATES.some((known) => known === state)) return undefined;
  return `must be one of ${RESOURCE_STATES.join(', ')}, not '${state.slice(0, 40)}'`;
}

/** What is wrong with `token` as the digits of a token. */
function tokenProblem(token: string): string | undefined {
  if (/^\d+$/.test(token) && token.length <= MAX_TOKEN_DIGITS) return undefined;
  return `must be 1 to ${MAX_TOKEN_DIGITS} decimal digits, not '${token.slice(0, 40)}'`;
}
