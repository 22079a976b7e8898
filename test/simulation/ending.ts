/**
 * The end of a run, when all is well again: every resource becomes free and can be locked, the lock files are those of the
 * table, a restart changes nothing, and the daemon stops when it is asked to.
 */
import { Steps, wrongFiles } from './steps.js';
import { cutPower, type Scene } from './troubles.js';

export async function settle(scene: Scene): Promise<void> {
  const { world, daemons, network } = scene;
  const steps = new Steps(scene);
  // A lock that is granted while the end is looked at would not be what was there before.
  await steps.until('every request has arrived', () => network.isQuiet);
  // By the newest, and none that is stopped keeps callers waiting or is about to take over.
  const isServed = () => daemons.current?.isServing === true && !daemons.isAnybodyStopped;
  const maintain = async (): Promise<void> => {
    await steps.until('a daemon serves', isServed);
    const { lockd, process } = daemons.current ?? {};
    if (!lockd || !process) return;
    const death = new Promise<void>((resolve) => process.onDeath(resolve));
    await steps.do('the lock files are compared', () => Promise.race([lockd.maintain(), death]));
    // It may have been asked to stop while its machine slept.
    if (!process.isAlive) await maintain();
  };
  // What somebody put there by hand is a lock from here on.
  await maintain();
  await steps.do('every resource becomes free', (actor) => steps.freeAll(actor));
  await steps.do('every resource can be locked', (actor) => steps.lockAll(actor));
  await maintain();
  const wrong = wrongFiles(scene.disk.storage, scene.resources);
  if (wrong !== undefined) scene.accuse({ rule: 'files', at: world.now, text: wrong });
  const before = daemons.current;
  if (world.oneIn(2)) cutPower(scene);
  else before?.terminate();
  await steps.until('the daemon ends', () => before?.process.isAlive === false);
  await steps.until('a daemon serves again', isServed);
  await steps.do('every resource is as it was', (actor) => steps.stillHeld(actor));
  daemons.restarts = false;
  daemons.current?.terminate();
  await steps.until('the last daemon ends', () => daemons.current?.process.isAlive === false);
}
