/**
 * The end of a cluster's run, when all is well again: one leads, every resource becomes free and can be locked, the leader's
 * lock files are those of the table, the next leader knows what this one knew, and all stop when they are asked to.
 */
import { oneOf } from '../../random.js';
import { Steps, wrongFiles } from '../steps.js';
import type { ClusterScene } from './strikes.js';
import { cutPower } from './troubles.js';

/** Lock files that could not be made are made with the minute's maintenance. Milliseconds. */
const MENDED_MS = 70_000;

export async function settleCluster(scene: ClusterScene): Promise<void> {
  const { world, members, resources, accuse, network } = scene;
  const steps = new Steps(scene);
  // A lock that is granted while the end is looked at would not be what was there before.
  await steps.until('every request has arrived', () => network.isQuiet);
  const isServed = () =>
    members.leader !== undefined && members.places.every(({ member }) => member?.isAwake);
  await steps.until('one leads', isServed);
  await steps.do('every resource becomes free', (actor) => steps.freeAll(actor));
  await steps.do('every resource can be locked', (actor) => steps.lockAll(actor));
  const wrong = () => {
    const [place] = members.serving;
    return place ? wrongFiles(place.disk.storage, resources) : 'nobody leads';
  };
  await world.run(world.now + MENDED_MS, () => wrong() === undefined);
  const problem = wrong();
  if (problem !== undefined) accuse({ rule: 'files', at: world.now, text: problem });
  const before = members.leader;
  const end = oneOf(world.random, [
    () => before?.terminate(),
    () => before?.process.kill(),
    () => cutPower(scene),
  ]);
  end();
  await steps.until('one leads again', () => isServed() && members.leader !== undefined);
  await steps.do('every resource is as it was', (actor) => steps.stillHeld(actor));
  members.restarts = false;
  for (const { member } of members.places) member?.terminate();
  await steps.until('all have ended', () => members.all.every(({ process }) => !process.isAlive));
}
