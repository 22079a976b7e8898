/** What goes wrong in a cluster: with its members, with the way to etcd and etcd itself, and with what is under way just then. */
import { oneOf } from '../../random.js';
import { FAIR } from '../network.js';
import type { CutMode } from '../storage.js';
import { failCall, fill, isolate, killClient, setClock, stopClient, storm } from '../troubles.js';
import {
  cutFencing,
  lateCandidate,
  lateGrant,
  lateTurn,
  lateTurnInQuestion,
  sleepInFlight,
  sleepInRenewal,
  stopInFlight,
  takeInFlight,
  takeInQuestion,
} from './ambushes.js';
import { type Cut, FAIR_ETCD } from './etcd.js';
import {
  type ClusterScene,
  cutPlace,
  kill,
  somePlace,
  stopPlace,
  suspendPlace,
  take,
  terminate,
  troubled,
} from './strikes.js';

export type ClusterTrouble = (scene: ClusterScene) => void;

const CUTS: readonly Cut[] = ['both', 'both', 'requests', 'answers'];
const POWER_CUTS: readonly CutMode[] = ['lose', 'keep', 'any', 'prefix'];

/** The power of one machine goes, or that of all. */
export function cutPower(scene: ClusterScene): void {
  const { world, members } = scene;
  const mode = oneOf(world.random, POWER_CUTS);
  const places = world.oneIn(4) ? members.places : [somePlace(scene)];
  for (const { member, disk, machine } of places) {
    world.tell('power', `of ${machine.name} is cut (${mode})`);
    member?.process.kill();
    disk.storage.cutPower(mode, world.random);
  }
}

function stop(scene: ClusterScene): void {
  const { world } = scene;
  const spans = [world.span(30, 400), world.span(400, 4_000), world.span(4_000, 20_000)];
  stopPlace(scene, somePlace(scene), oneOf(world.random, spans));
}

function suspend(scene: ClusterScene): void {
  const { world, clients } = scene;
  const milliseconds = world.span(100, 15_000);
  if (!world.oneIn(3)) suspendPlace(scene, somePlace(scene), milliseconds);
  else {
    const { machine } = oneOf(world.random, clients);
    if (machine.isAsleep) return;
    machine.sleep();
    world.after(milliseconds, () => {
      machine.wakeUp();
      for (const process of clients) if (process.machine === machine) process.look();
    });
  }
}

function jump({ world, members }: ClusterScene): void {
  setClock(world, oneOf(world.random, members.machines));
}

/** Clients do not get to a member, which goes on. */
function hide(scene: ClusterScene): void {
  const { world, network } = scene;
  const { name } = somePlace(scene).machine;
  const milliseconds = world.span(300, 12_000);
  world.tell(name, `is out of the clients' reach for ${Math.round(milliseconds)} ms`);
  network.unreachable.add(name);
  world.after(milliseconds, () => void network.unreachable.delete(name));
}

/** A member and etcd do not get to each other, or only one way. */
function cutEtcd(scene: ClusterScene): void {
  const { world } = scene;
  cutPlace(scene, somePlace(scene), oneOf(world.random, CUTS), world.span(200, 15_000));
}

/** A member reaches nobody. */
function cutOff(scene: ClusterScene): void {
  const { world, network } = scene;
  const place = somePlace(scene);
  const { name } = place.machine;
  const milliseconds = world.span(300, 15_000);
  network.unreachable.add(name);
  world.after(milliseconds, () => void network.unreachable.delete(name));
  cutPlace(scene, place, 'both', milliseconds);
}

function etcdStorm(scene: ClusterScene): void {
  const { world, etcd } = scene;
  const some = () => (world.oneIn(2) ? 0 : 2 + world.random(12));
  etcd.weather = {
    delayMs: oneOf(world.random, [FAIR_ETCD.delayMs, [1, 100], [10, 3_000]] as const),
    ...{ loseRequest: some(), loseAnswer: some(), refuse: some(), settle: some(), late: some() },
    lateMs: FAIR_ETCD.lateMs,
  };
  world.tell('etcd', JSON.stringify(etcd.weather));
  const milliseconds = world.span(200, 10_000);
  troubled(scene, milliseconds);
  world.after(milliseconds, () => {
    etcd.weather = { ...FAIR_ETCD };
    world.tell('etcd', 'is well again');
  });
}

function loseLeader(scene: ClusterScene): void {
  const { world, etcd } = scene;
  const milliseconds = world.span(100, 9_000);
  troubled(scene, milliseconds);
  etcd.loseLeader(milliseconds);
}

/** etcd gets full: what fills it is applied, and said to be refused; then nothing can be put until somebody makes room. */
function fillEtcd(scene: ClusterScene): void {
  const { world, etcd } = scene;
  const milliseconds = world.span(200, 9_000);
  troubled(scene, milliseconds);
  etcd.etcd.space = oneOf(world.random, ['over', 'alarm']);
  world.tell('etcd', `is full (${etcd.etcd.space})`);
  world.after(milliseconds, () => {
    etcd.etcd.space = 'enough';
    world.tell('etcd', 'has space again');
  });
}

function compact({ world, etcd }: ClusterScene): void {
  world.tell('etcd', 'is compacted');
  etcd.etcd.compact(etcd.etcd.revision);
}

function spoilDisk(scene: ClusterScene): void {
  const { world } = scene;
  const { disk } = somePlace(scene);
  oneOf(world.random, [failCall, fill])({ ...scene, disk });
}

/** Everything that is the matter ends. What was stopped or sleeps wakes up by the events that were planned for it. */
export function makeWell({ network, etcd, members }: ClusterScene): void {
  network.weather = { ...FAIR };
  network.isolated.clear();
  network.unreachable.clear();
  etcd.weather = { ...FAIR_ETCD };
  etcd.cuts.clear();
  etcd.ambush = undefined;
  etcd.etcd.space = 'enough';
  for (const { disk, fences } of members.places) {
    disk.faults = [];
    disk.storage.capacity = Number.POSITIVE_INFINITY;
    fences.failing = 0;
  }
}

export const CLUSTER_TROUBLES: Readonly<Record<string, ClusterTrouble>> = {
  kill,
  cutPower,
  terminate,
  stop,
  suspend,
  jump,
  hide,
  cutEtcd,
  cutOff,
  etcdStorm,
  loseLeader,
  fillEtcd,
  compact,
  take,
  lateTurn,
  lateTurnInQuestion,
  lateGrant,
  sleepInFlight,
  sleepInRenewal,
  stopInFlight,
  takeInFlight,
  takeInQuestion,
  lateCandidate,
  cutFencing: (scene) => cutFencing(scene),
  spoilDisk,
  stopClient,
  killClient,
  storm,
  isolate,
};
