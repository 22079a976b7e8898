/** One run of a cluster: two or three members on one etcd, one seed, one history, and what it breaks. */
import { check } from '../../history/check.js';
import type { Happening, History, Violation } from '../../history/history.js';
import { oneOf } from '../../random.js';
import { cast, chooseResources, plague } from '../cast.js';
import { resetKeys } from '../clients.js';
import type { Machine } from '../machine.js';
import { Network } from '../network.js';
import { watchingRejections } from '../rejections.js';
import { accuseUnended, type Result, type RunOptions } from '../run.js';
import { World } from '../world.js';
import { settleCluster } from './ending.js';
import { SimulatedEtcd } from './etcd.js';
import { Members } from './members.js';
import type { ClusterScene } from './strikes.js';
import { CLUSTER_TROUBLES, makeWell } from './troubles.js';

/** Milliseconds until all is over that goes on by itself when all is well again. */
const WIND_DOWN_MS = 90_000;

/** Runs a seed. */
export async function runCluster(seed: number, options: Pick<RunOptions, 'troubles'> = {}): Promise<Result> {
  const rejected: unknown[] = [];
  return watchingRejections(
    (error) => rejected.push(error),
    () => play(seed, options, rejected),
  );
}

async function play(
  seed: number,
  { troubles }: Pick<RunOptions, 'troubles'>,
  rejected: readonly unknown[],
): Promise<Result> {
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
  const etcd = new SimulatedEtcd(world);
  const hasFences = world.oneIn(2);
  const settings = {
    fence: hasFences ? [`host/*=${process.execPath}`] : [],
    lockDelay: oneOf(random, [0, 0, 1]),
    callMs: oneOf(random, [0.001, 0.01, 0.1]),
  };
  const isFenced = (resource: string) => hasFences && resource.startsWith('host/');
  const names = ['one', 'two', 'three'].slice(0, 2 + random(2));
  const members = new Members({ world, etcd, network, settings, tell, accuse }, names);
  const failing = oneOf(random, [0, 2, 4]);
  // Some that go on for longer than a leader leads without etcd.
  const runMs = oneOf(random, [
    [5, 3_000],
    [2_000, 12_000],
  ] as const);
  for (const { fences } of members.places) Object.assign(fences, { failing, runMs });

  const { resources, semaphore } = chooseResources(world);
  let isOver = false;
  const machines: Machine[] = [];
  const scene: ClusterScene = {
    ...{ world, network, etcd, members, resources, machines },
    urls: names.map((name) => `http://${name}:1`),
    limitOf: (resource) => (resource === semaphore ? 2 : 1),
    tell,
    accuse,
    isOver: () => isOver,
    clients: [],
  };
  const actors = cast(scene, machines);
  members.startAll();
  world.tell('chance', `seed ${seed}: ${JSON.stringify({ ...settings, names, resources, semaphore })}`);
  await world.run(plague(scene, CLUSTER_TROUBLES, troubles));

  isOver = true;
  world.tell('chance', 'all is well from here on');
  makeWell(scene);
  await world.run(world.now + WIND_DOWN_MS, () => actors.every((actor) => actor.isDone));
  accuseUnended(scene, actors, rejected);
  await settleCluster(scene);
  members.forgetMoments(network.calls);
  const history: History = { calls: network.calls, happenings, isFenced };
  for (const violation of check(history)) accuse(violation);
  return {
    ...{ seed, violations },
    story: world.story,
    hash: world.hash,
    calls: network.calls.length,
    events: world.events,
    diskCalls: members.places.reduce((sum, { disk }) => sum + disk.calls, 0),
    starts: members.all.length,
    terms: members.terms,
    etcdRequests: etcd.requests,
    simulatedMs: world.now,
  };
}
