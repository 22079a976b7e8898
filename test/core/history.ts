/** Histories for tests of the rules: commands in order, each with the answer it must get, as one line of text. */
import { expect } from 'vitest';
import type { AdoptCommand, Command } from '../../src/core/commands.js';
import { REFUSALS, Refusal } from '../../src/core/refusals.js';
import type { LockTable } from '../../src/core/table.js';
import type { Outcome, World } from './world.js';

export const HOUR = 3_600;
export const DAY = 24 * HOUR;

/** A command, or something else that happens; its text is held against the one that it must be. */
export type Step = Command | ((world: World) => string);
export type History = readonly (readonly [step: Step, answer: string])[];

type Kind<K extends Command['kind']> = Extract<Command, { kind: K }>;
type Rest<K extends Command['kind']> = Partial<Kind<K>>;

/** What `lock` and `enqueue` have in common. */
export type Asked = Omit<Rest<'enqueue'>, 'kind'>;

const FROM = '192.0.2.7:40000';

/** As the service does it: what a repeat is compared by is the ttl that was asked for. */
function asked(options: { readonly ttl?: number }) {
  return options.ttl === undefined ? {} : { askedTtl: options.ttl };
}

export function lock(resource: string, client: string, options: Rest<'lock'> = {}): Command {
  return { kind: 'lock', resource, client, wait: 0, from: FROM, received: 0, ...asked(options), ...options };
}

export function enqueue(resource: string, client: string, options: Rest<'enqueue'> = {}): Command {
  return { kind: 'enqueue', resource, client, from: FROM, received: 0, ...asked(options), ...options };
}

export function wait(resource: string, client: string, seconds = 60, request?: string): Command {
  const named = request === undefined ? {} : { request };
  return { kind: 'wait', resource, client, wait: seconds, received: 0, ...named };
}

export function cancel(resource: string, client: string): Command {
  return { kind: 'cancel', resource, client };
}

export function unlock(resource: string, client: string, token?: string): Command {
  return { kind: 'unlock', resource, client, ...(token === undefined ? {} : { token }) };
}

export function withdraw(resource: string, client: string, token: number, claim: number): Command {
  return { kind: 'withdraw', resource, client, token, claim };
}

export function renew(resource: string, client: string, options: Rest<'renew'> = {}): Command {
  return { kind: 'renew', resource, client, ...options };
}

export function extend(
  resource: string,
  client: string,
  seconds: number,
  options: Rest<'extend'> = {},
): Command {
  return { kind: 'extend', resource, client, seconds, mostSeconds: 31 * DAY, ...options };
}

export function update(resource: string, client: string, options: Rest<'update'> = {}): Command {
  return { kind: 'update', resource, client, by: 'ops', from: FROM, ...options };
}

export function check(resource: string, token: string): Command {
  return { kind: 'check', resource, token };
}

export function expire(
  resource: string,
  client: string,
  token: number,
  aftermath: Kind<'expire'>['aftermath'] = 'none',
): Command {
  return { kind: 'expire', resource, client, token, aftermath };
}

export function force(resource: string, client?: string, options: Rest<'forceUnlock'> = {}): Command {
  const named = client === undefined ? {} : { client };
  return {
    kind: 'forceUnlock',
    resource,
    reason: 'host is down',
    by: 'ops',
    aftermath: 'none',
    fenced: false,
    ...named,
    ...options,
  };
}

export function fenceFailed(resource: string, client: string, token: number, error = 'exit 1'): Command {
  return { kind: 'fenceFailed', resource, client, token, error };
}

export function fenced(resource: string, client: string, token: number): Command {
  return { kind: 'fenced', resource, client, token };
}

export function confirmFenced(resource: string, token?: string): Command {
  const named = token === undefined ? {} : { token };
  return { kind: 'confirmFenced', resource, reason: 'plug pulled', by: 'ops', ...named };
}

export function adopt(resource: string, holders: AdoptCommand['holders'], limit = 1): Command {
  return { kind: 'adopt', resource, limit, holders, file: `/locks/${resource}.lock` };
}

export function status(resource: string): Command {
  return { kind: 'status', resource };
}

export function list(options: Rest<'list'> = {}): Command {
  return { kind: 'list', count: 1_000, after: '', ...options };
}

/** Time passes, and what is due by then happens. */
export function after(seconds: number): Step {
  return (world) => {
    world.pass(seconds);
    return 'later';
  };
}

/** What the open calls of a client were told since somebody asked last. */
export function told(client: string): Step {
  return ({ told: all }) => {
    const own = all.filter((one) => one.client === client);
    for (const one of own) all.splice(all.indexOf(one), 1);
    return own.map(({ outcome }) => outcomeText(outcome)).join('; ') || 'nothing';
  };
}

/** The connection on which a client waits is closed. */
export function hangUp(resource: string, client: string): Step {
  return (world) => (world.hangUp(resource, client) ? 'gone' : 'no call');
}

/** The daemon is killed and started again. */
export const restart: Step = (world) => {
  world.restart();
  return 'started';
};

/** Commands whose turn cannot be saved. */
export function refused(...commands: readonly Command[]): Step {
  return (world) => {
    world.turn(commands, false);
    return 'not saved';
  };
}

/** Commands that come into one turn. */
export function together(...commands: readonly Command[]): Step {
  return (world) => world.turn(commands).map(outcomeText).join('; ');
}

/** Plays a history, and holds each answer against the one that it must be. */
export function play(world: World, history: History): void {
  for (const [index, [step, answer]] of history.entries()) {
    const got = typeof step === 'function' ? step(world) : outcomeText(world.do(step));
    const shown = typeof step === 'function' ? '' : `: ${JSON.stringify(step)}`;
    expect(got, `step ${index + 1}${shown}`).toBe(answer);
  }
}

/** `token 3` for a hold, with what is left of its lease; `CODE TEXT` for a refusal, else the answer itself. */
export function outcomeText(outcome: Outcome): string {
  if ('notSaved' in outcome) return 'not saved';
  if ('waits' in outcome) return 'waits';
  if ('bad' in outcome) return `-32602 ${outcome.bad.message}`;
  if ('refusal' in outcome) return `${REFUSALS[outcome.refusal].code} ${new Refusal(outcome).message}`;
  const { answer } = outcome;
  if (typeof answer !== 'object' || answer === null) return JSON.stringify(answer);
  if ('hold' in answer) return `granted ${outcomeText({ answer: answer.hold })}`;
  if ('position' in answer) return `queued ${answer.position}`;
  if (!('token' in answer)) return JSON.stringify(answer);
  return `token ${answer.token}${'left' in answer ? ` for ${answer.left} s` : ''}`;
}

/** Everything that a table holds, in an order of its own; not its counters, which only rise. */
export function dump(table: LockTable): unknown {
  const names = [...table.resourcesAfter('')];
  const clients = new Set([...table.allPlaces()].map((place) => place.client));
  return {
    names,
    holds: [...table.allHolds()].sort((a, b) => a.token - b.token),
    lost: [...table.allLost()].sort((a, b) => a.token - b.token),
    ended: [...table.allEnded()].map((one) => JSON.stringify(one)).sort(),
    places: [...clients].sort().map((client) => [client, table.placeCount(client)]),
    byResource: names.map((name) => ({
      name,
      holds: table.holds(name),
      line: [...table.line(name)],
      lineSize: table.line(name).size,
      unreadable: table.unreadable(name),
      limit: table.limit(name),
      isTaken: table.isTaken(name),
    })),
    counts: [table.held, table.waiting, table.fencing, table.lostCount, table.endedCount],
  };
}
