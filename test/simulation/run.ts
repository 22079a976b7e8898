/** One run of the simulation: one seed, one history, and what it breaks. */
import { check } from '../history/check.js';
import type { Happening, History, Violation } from '../history/history.js';
import { oneOf } from '../random.js';
import { ACTS, tidies } from './acts.js';
import { Actor, resetKeys } from './clients.js';
import { DIRECTORY } from './daemon.js';
import { Daemons } from './daemons.js';
import { DiskState } from './disk.js';
import { settle } from './ending.js';
import { Fences } from './fences.js';
import { Machine } from './machine.js';
import { FAIR, Network } from './network.js';
import { Process } from './process.js';
import { watchingRejections } from './rejections.js';
import { Storage } from './storage.js';
import { type Scene, TROUBLES } from './troubles.js';
import { type Entry, World } from './world.js';

export interface Result {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly story: readonly Entry[];
  /** Of everything that happened: the same seed gives the same. */
  readonly hash: string;
  readonly calls: number;
  readonly events: number;
  readonly diskCalls: number;
  readonly starts: number;
  /** Milliseconds that passed in the simulation. */
  readonly simulatedMs: number;
}

export interface RunOptions {
  /** Something is done to the scene before it begins: a disk that lies, for instance. */
  readonly prepare?: (scene: Scene) => void;
}

/** Runs a seed. */
export async function run(seed: number, options: RunOptions = {}): Promise<Result> {
  const rejected: unknown[] = [];
  return watchingRejections(
    (error) => rejected.push(error),
    () => play(seed, options, rejected),
  );
}

async function play(seed: number, options: RunOptions, rejected: readonly unknown[]): Promise<Result> {
  resetKeys();
  const world = new World(seed);
  const { random } = world;
  const happenings: Happening[] = [];
  const violations: Violation[] = [];
  const tell = (happening: Happening) => void happenings.push(happening);
  const accuse = (violation: Violation) => {
    world.tell('!', `${violation.rule}: ${violation.text}`);
    violations.push(violation);
  };
  const network = new Network(world);
  const disk = new DiskState(world, new Storage());
  const { storage } = disk;
  disk.flushMs = oneOf(random, [disk.flushMs, [2, 60]] as const);
  storage.change({
    effects: [{ directory: storage.root, name: DIRECTORY.slice(1), node: storage.node('directory') }],
  });
  storage.flushNames(storage.root);
  const fences = new Fences(world, tell);
  fences.failing = oneOf(random, [0, 2, 4]);
  const hasFences = world.oneIn(2);
  const settings = {
    fence: hasFences ? [`host/*=${process.execPath}`] : [],
    lockDelay: oneOf(random, [0, 0, 1]),
    segmentBytes: oneOf(random, [2_000, 8_000, 64_000]),
    roomBytes: oneOf(random, [0, 4_096]),
    callMs: oneOf(random, [0.001, 0.01, 0.1]),
  };
  const isFenced = (resource: string) => hasFences && resource.startsWith('host/');
  const machines = [new Machine(world, 'one'), new Machine(world, 'two')] as const;
  const daemons = new Daemons({ world, disk, network, fences, settings, tell, accuse }, [...machines]);

  const resources = ['a', 'host/b', 'c d'].slice(0, 1 + random(3));
  const semaphore = world.oneIn(3) ? oneOf(random, resources) : undefined;
  let isOver = false;
  const clientMachines: Machine[] = [];
  const scene: Scene = {
    world,
    network,
    disk,
    daemons,
    resources,
    limitOf: (resource) => (resource === semaphore ? 2 : 1),
    tell,
    accuse,
    isOver: () => isOver,
    clients: [],
    machines: clientMachines,
  };
  const actors: Actor[] = [];
  const acts = ACTS.filter(() => !world.oneIn(3));
  const clients = 2 + random(4);
  for (let number = 1; number <= clients; number += 1) {
    const machine = new Machine(world, `host${number}`, 0.99 + random(21) / 1_000);
    clientMachines.push(machine);
    const process = new Process(world, `client${number}`, machine);
    scene.clients.push(process);
    for (let letter = 0; letter <= random(3); letter += 1) {
      const act = oneOf(random, acts.length > 0 ? acts : ACTS);
      const actor = new Actor(scene, process, `${process.name}${'abc'[letter]}`, act);
      actors.push(actor);
      actor.start();
    }
  }
  const janitor = new Actor(
    scene,
    new Process(world, 'janitor', new Machine(world, 'desk')),
    'janitor',
    tidies,
  );
  actors.push(janitor);
  janitor.start();
  clientMachines.push(...machines);
  options.prepare?.(scene);
  daemons.start();

  const troubles = Object.entries(TROUBLES).filter(() => world.oneIn(3));
  world.tell(
    'chance',
    `seed ${seed}: ${JSON.stringify({ ...settings, fence: hasFences, resources, semaphore })}`,
  );
  world.tell('chance', `troubles: ${troubles.map(([name]) => name).join(', ')}`);
  const duration = world.span(5_000, 25_000);
  const pace = world.span(100, 3_000);
  const next = () => {
    if (isOver) return;
    const trouble = troubles.length > 0 ? oneOf(random, troubles) : undefined;
    trouble?.[1](scene);
    world.after(world.span(pace / 10, pace * 2), next);
  };
  world.after(world.span(50, pace), next);
  await world.run(duration);

  isOver = true;
  world.tell('chance', 'all is well from here on');
  network.weather = { ...FAIR };
  network.isolated.clear();
  disk.faults = [];
  fences.failing = 0;
  daemons.beforeStart = () => undefined;
  disk.hangMs = 0;
  disk.callsToDeath = Number.POSITIVE_INFINITY;
  storage.capacity = Number.POSITIVE_INFINITY;
  // What was stopped or sleeps wakes up by the events that were planned for it.
  await world.run(world.now + 90_000, () => actors.every((actor) => actor.isDone));
  for (const actor of actors) {
    if (!actor.isDone)
      accuse({ rule: 'progress', at: world.now, text: `${actor.name} did not come to an end` });
  }
  for (const error of rejected) {
    accuse({
      rule: 'defect',
      at: world.now,
      text: `a rejection that nobody handled: ${(error as Error).stack}`,
    });
  }
  const history: History = { calls: network.calls, happenings, isFenced };
  await settle(scene);
  for (const violation of check(history)) accuse(violation);
  return {
    seed,
    violations,
    story: world.story,
    hash: world.hash,
    calls: network.calls.length,
    events: world.events,
    diskCalls: disk.calls,
    starts: daemons.all.length,
    simulatedMs: world.now,
  };
}
