/** What can happen to a cluster: the single strikes of which troubles are made. */
import { oneOf } from '../../random.js';
import type { Surroundings } from '../clients.js';
import type { Machine } from '../machine.js';
import type { Network } from '../network.js';
import type { Process } from '../process.js';
import { type Cut, PREFIX, type SimulatedEtcd } from './etcd.js';
import { LOOKED_MS, type Members, type Place } from './members.js';

export interface ClusterScene extends Surroundings {
  readonly network: Network;
  readonly etcd: SimulatedEtcd;
  readonly members: Members;
  readonly clients: Process[];
  readonly machines: readonly Machine[];
}

export type ClusterTrouble = (scene: ClusterScene) => void;

/** Mostly the leader's place. */
export function somePlace({ world, members }: ClusterScene): Place {
  const [leading] = members.leading;
  return leading && !world.oneIn(3) ? leading : oneOf(world.random, members.places);
}

export function troubled({ world, tell }: ClusterScene, milliseconds: number): void {
  tell({ kind: 'troubled', from: world.now, to: world.now + milliseconds });
}

export function kill(scene: ClusterScene): void {
  scene.world.tell('chance', 'kills a member');
  somePlace(scene).member?.process.kill();
}

export function terminate(scene: ClusterScene): void {
  somePlace(scene).member?.terminate();
}

/** SIGSTOP, and SIGCONT later. */
export function stopPlace({ world, members }: ClusterScene, { member }: Place, milliseconds: number): void {
  if (!member?.process.isAlive || member.process.isStopped) return;
  const { process } = member;
  world.tell(process.name, `is stopped for ${Math.round(milliseconds)} ms`);
  process.stop();
  members.watch();
  world.after(milliseconds, () => {
    world.tell(process.name, 'goes on');
    process.goOn();
    members.watch();
  });
}

export function suspendPlace({ world, members }: ClusterScene, place: Place, milliseconds: number): void {
  const { machine } = place;
  if (machine.isAsleep) return;
  world.tell(machine.name, `sleeps for ${Math.round(milliseconds)} ms`);
  machine.sleep();
  members.watch();
  world.after(milliseconds, () => {
    machine.wakeUp();
    world.tell(machine.name, 'is awake again');
    place.member?.process.look();
    members.watch();
    world.after(LOOKED_MS, () => members.lookAt(place));
  });
}

export function cutPlace(scene: ClusterScene, { machine }: Place, cut: Cut, milliseconds: number): void {
  const { world, etcd } = scene;
  world.tell(machine.name, `is cut off from etcd (${cut}) for ${Math.round(milliseconds)} ms`);
  troubled(scene, milliseconds);
  etcd.cuts.set(machine, cut);
  world.after(milliseconds, () => void etcd.cuts.delete(machine));
}

/** An operator removes the leader's name by hand. */
export function take({ world, etcd, members }: ClusterScene): void {
  const key = `${PREFIX}/leader`;
  const there = etcd.etcd.get(key);
  if (!there) return;
  world.tell('somebody', `removes ${key} from etcd`);
  members.takeName();
  if (there.lease !== undefined && world.oneIn(2)) etcd.etcd.revoke(there.lease);
  else etcd.etcd.transact({ compare: [], success: [{ kind: 'remove', key }] });
  etcd.onApplied();
}
