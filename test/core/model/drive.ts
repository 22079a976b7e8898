/** Plays one random history to the rules and to the model, and compares all that both say and have after every step. */
import { expect } from 'vitest';
import type { Command } from '../../../src/core/commands.js';
import { BadParameter } from '../../../src/core/refusals.js';
import { type Outcome, World } from '../world.js';
import { AFTERMATHS, commandOf, NEVER } from './commands.js';
import { some } from './model.js';
import { Model } from './rules.js';
import type { Ask, Deed, History, Step, Who } from './steps.js';

/** Looks at the world around every step. */
export interface Look {
  before?(driver: Driver, step: Step): void;
  after?(driver: Driver, step: Step): void;
}

export class Driver {
  readonly world = new World();
  readonly model = new Model();
  /** What the commands of the step were, and what they were answered. */
  commands: Command[] = [];
  outcomes: Outcome[] = [];
  told: Outcome[] = [];

  /** Plays a history; `look` sees every step. */
  play(history: History, look: Look = {}): void {
    for (const step of history) {
      look.before?.(this, step);
      this.commands = [];
      this.outcomes = [];
      this.told = [];
      this.step(step);
      this.compare();
      look.after?.(this, step);
    }
  }

  step(step: Step): void {
    if ('turn' in step) this.turn(step.turn, step.isSaved);
    else if ('pass' in step) this.pass(step.pass, step.isStuck);
    else if ('restart' in step) this.restart();
    else this.hangUp(step.hangUp);
  }

  turn(deeds: readonly Deed[], isSaved: boolean): void {
    const before = structuredClone(this.model.records);
    const expected: string[] = [];
    const commands = deeds.map((deed) => {
      const command = commandOf(this.model, deed, this.world.now.monotonic);
      expected.push(this.answer(command, deed));
      if ('resource' in command) this.model.advance(command.resource);
      return command;
    });
    const outcomes = this.world.turn(commands, isSaved);
    this.commands.push(...commands);
    this.outcomes.push(...outcomes);
    if (isSaved) this.saved(outcomes, expected);
    else this.refused(before);
  }

  saved(outcomes: readonly Outcome[], expected: readonly string[]): void {
    for (const action of this.model.whenSaved.splice(0)) action();
    expect(outcomes.map(short)).toEqual(expected);
    const told = this.world.told.splice(0);
    expect(told.map((one) => `${one.client} on ${one.resource}: ${short(one.outcome)}`)).toEqual(
      this.model.told.splice(0),
    );
    // Of several commands the later ones change what the earlier ones are answered.
    const answered = [...outcomes, ...told.map((one) => one.outcome)];
    this.told.push(...told.map((one) => one.outcome));
    if (answered.length === 1) for (const outcome of answered) this.compareLeft(outcome);
  }

  refused(before: Model['records']): void {
    this.model.whenSaved = [];
    this.model.told = [];
    this.model.records = before;
    expect(this.world.told).toEqual([]);
    // A renewal is not taken back: a lease may last longer than was answered, never shorter.
    for (const hold of before.holds) {
      const left = this.world.leases.left(hold.token, this.world.now);
      expect(left === undefined).toBe(hold.end === undefined);
      if (left === undefined || hold.end === undefined) continue;
      expect(left).toBeGreaterThanOrEqual(this.model.left(hold));
      if (left > 0) hold.end = this.model.now + left;
    }
  }

  pass(seconds: number, isStuck: boolean): void {
    this.world.elapse(seconds);
    this.model.now += seconds;
    const due = this.dueCommands();
    expect(due.map(textOf).sort()).toEqual(this.due().sort());
    if (isStuck) {
      this.world.turn(due, false);
      // The tokens of grants that were taken back are used up.
      expect(this.world.table.nextToken).toBeGreaterThanOrEqual(this.model.nextToken);
      this.model.nextToken = this.world.table.nextToken;
    }
    // What could not be saved is due again.
    for (const whole of isStuck ? this.dueCommands() : due) {
      const { resource } = whole as Who;
      const expected = this.answerDue(whole);
      this.model.advance(resource);
      const outcome = this.world.do(whole);
      this.commands.push(whole);
      this.outcomes.push(outcome);
      this.saved([outcome], [expected]);
    }
  }

  dueCommands(): Command[] {
    return this.world.dueCommands().map((command) => {
      if (command.kind !== 'expire') return command;
      return { ...command, aftermath: AFTERMATHS[command.resource as Who['resource']] };
    });
  }

  /** What the model has that is due by now. */
  due(): string[] {
    const { holds, places } = this.model.records;
    const isOver = (moment: number | undefined) => moment !== undefined && moment <= this.model.now;
    return [
      ...holds.filter((hold) => isOver(hold.end)).map((hold) => `expire ${hold.resource} ${hold.client}`),
      ...places
        .filter(({ call }) => isOver(call?.until))
        .map((one) => `giveUp ${one.resource} ${one.client}`),
      ...places.filter(({ away }) => isOver(away)).map((one) => `leave ${one.resource} ${one.client}`),
    ];
  }

  answerDue(command: Command): string {
    const { model } = this;
    switch (command.kind) {
      case 'expire':
        return model.expire(command.resource, command.client, command.token, command.aftermath);
      case 'giveUp':
        return model.giveUp(command.resource, command.client, command.comesBack, false);
      case 'leave':
        return model.leave(command.resource, command.client);
      default:
        throw new Error(`${command.kind} is never due`);
    }
  }

  restart(): void {
    this.world.restart();
    this.model.restart();
    this.model.nextToken = this.world.table.nextToken;
  }

  hangUp({ resource, client }: Who): void {
    const outcome = this.world.hangUp(resource, client);
    this.model.giveUp(resource, client, true, true);
    this.model.advance(resource);
    this.saved(outcome ? [outcome] : [], outcome ? ['true'] : []);
  }

  /** What the model answers. */
  answer(command: Command, deed: Deed): string {
    const { model } = this;
    switch (command.kind) {
      case 'lock':
        return model.ask(command.resource, command.client, askOf(deed), 'lock', command.wait);
      case 'enqueue':
        return model.ask(command.resource, command.client, askOf(deed), 'enqueue', 0);
      case 'wait':
        return model.wait(command.resource, command.client, command.wait, command.request);
      case 'cancel':
        return model.cancel(command.resource, command.client);
      case 'unlock':
        return model.unlock(command.resource, command.client, command.token);
      case 'withdraw':
        if (command.token === NEVER) return 'true';
        return model.withdraw(command.resource, command.client, command.claim);
      case 'renew':
        return model.renew(command.resource, command.client, command.token, command.ttl);
      case 'extend':
        return model.extend(command.resource, command.client, command.token, command.seconds);
      case 'update':
        return model.update(command.resource, command.client, command.token, command);
      case 'check':
        return model.check(command.resource, command.token);
      case 'forceUnlock':
        return model.force(command.resource, command.client, command.aftermath, command.fenced);
      case 'fenced':
        return model.fenced(command.resource, command.client, command.token);
      case 'confirmFenced':
        return model.confirmFenced(command.resource, command.token);
      case 'adopt': {
        const [holder] = command.holders;
        return model.adopt(command.resource, holder?.client ?? '', command.limit, holder?.token);
      }
      case 'forget':
        return model.forget();
      default:
        return 'true';
    }
  }

  /** An answered hold says what the model says of its lease. */
  compareLeft(outcome: Outcome): void {
    const answer = 'answer' in outcome ? outcome.answer : undefined;
    if (typeof answer !== 'object' || answer === null || !('token' in answer)) return;
    const hold = this.model.records.holds.find((one) => String(one.token) === answer.token);
    if (hold?.end === undefined || hold.ttl === undefined || !('ttl' in answer)) return;
    if (answer.ttl === hold.ttl) expect(answer).toHaveProperty('left', this.model.left(hold));
  }

  /** The table has what the model has. */
  compare(): void {
    const { table, leases, calls, now } = this.world;
    const { records } = this.model;
    const byToken = (a: { token: number }, b: { token: number }) => a.token - b.token;
    const holds = [...table.allHolds()].sort(byToken).map((hold) => {
      const { resource, client, token, limit, note, ttl, extended, lost, request } = hold;
      const left = leases.left(token, now);
      return some({ resource, client, token, limit, note, ttl, extended, lost, left, request: request?.key });
    });
    const modelHolds = [...records.holds].sort(byToken).map(({ asked: _asked, end, ...hold }) => {
      const left = end === undefined ? undefined : Math.max(0, end - this.model.now);
      return some({ ...hold, left });
    });
    const places = [...table.allPlaces()].map((one) => [one.resource, one.client, one.claim, calls.has(one)]);
    const modelPlaces = records.places.map((one) => [
      one.resource,
      one.client,
      one.claim,
      one.call !== undefined,
    ]);
    const byResource = (a: readonly unknown[], b: readonly unknown[]) =>
      String(a[0]).localeCompare(String(b[0]));
    const losses = [...table.allLost()].map((loss) => [loss.token, loss.superseded === true]);
    const modelLosses = records.losses.map((loss) => [loss.token, loss.superseded]);
    const named = (one: { resource: string; client: string; request: string }) =>
      `${one.resource} ${one.client} ${one.request}`;
    const resources = Object.keys(AFTERMATHS);
    expect({
      holds,
      // Sorting keeps the order of each line.
      places: places.sort(byResource),
      losses: losses.sort(),
      ended: [...table.allEnded()].map(named).sort(),
      limits: resources.map((resource) => table.limit(resource)),
      nextToken: table.nextToken,
    }).toEqual({
      holds: modelHolds,
      places: modelPlaces.sort(byResource),
      losses: modelLosses.sort(),
      ended: records.ended.map(named).sort(),
      limits: resources.map((resource) => this.model.limit(resource)),
      nextToken: this.model.nextToken,
    });
  }
}

function askOf(deed: Deed): Ask {
  return 'ask' in deed ? deed.ask : {};
}

function textOf(command: Command): string {
  return 'client' in command && 'resource' in command
    ? `${command.kind} ${command.resource} ${command.client}`
    : command.kind;
}

/** An outcome as the model says it. */
export function short(outcome: Outcome): string {
  if ('notSaved' in outcome) return 'not saved';
  if ('waits' in outcome) return 'waits';
  if ('bad' in outcome) {
    return `bad ${outcome.bad instanceof BadParameter ? outcome.bad.parameter : outcome.bad.message}`;
  }
  if ('refusal' in outcome) return outcome.refusal;
  const { answer } = outcome;
  if (typeof answer !== 'object' || answer === null) return String(answer);
  if ('hold' in answer) return `granted ${(answer.hold as { token: string }).token}`;
  if ('position' in answer) return `queued ${answer.position}`;
  return `token ${(answer as { token: string }).token}`;
}
