/** One run of the simulation: one seed, one history, and what it breaks. */
import { check } from '../history/check.js';
import type { Happening, History, Violation } from '../history/history.js';
import { oneOf } from '../random.js';
import { cast, chooseResources, plague } from './cast.js';
import { type Actor, resetKeys, type Surroundings } from './clients.js';
import { DIRECTORY } from './daemon.js';
import { Daemons } from './daemons.js';
import { DiskState } from './disk.js';
import { settle } from './ending.js';
import { Fences } from './fences.js';
import { Machine } from './machine.js';
import { FAIR, Network } from './network.js';
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
  /** Terms of leaders, and what was asked of etcd, where there is a cluster. */
  readonly terms?: number;
  readonly etcdRequests?: number;
  /** Milliseconds that passed in the simulation. */
  readonly simulatedMs: number;
}

export interface RunOptions {
  /** Something is done to the scene before it begins: a disk that lies, for instance. */
  readonly prepare?: (scene: Scene) => void;
  /** The names of the troubles; absent: as chance has it. */
  readonly troubles?: readonly string[];
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

  const { resources, semaphore } = chooseResources(world);
  let isOver = false;
  const clientMachines: Machine[] = [];
  const scene: Scene = {
    world,
    network,
    disk,
    daemons,
    resources,
    urls: machines.map(({ name }) => `http://${name}:1`),
    limitOf: (resource) => (resource === semaphore ? 2 : 1),
    tell,
    accuse,
    isOver: () => isOver,
    clients: [],
    machines: clientMachines,
  };
  const actors = cast(scene, clientMachines);
  clientMachines.push(...machines);
  options.prepare?.(scene);
  daemons.start();

  world.tell(
    'chance',
    `seed ${seed}: ${JSON.stringify({ ...settings, fence: hasFences, resources, semaphore })}`,
  );
  await world.run(plague(scene, TROUBLES, options.troubles));

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
  accuseUnended(scene, actors, rejected);
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

/** Whoever did not come to an end, and what was rejected that nobody handled. */
export function accuseUnended(
  { world, accuse }: Surroundings,
  actors: readonly Actor[],
  rejected: readonly unknown[],
): void {
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
}
