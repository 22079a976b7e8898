/**
 * The end of a run, when all is well again: every resource becomes free and can be locked, the lock files are those of the
 * table, a restart changes nothing, and the daemon stops when it is asked to.
 */
import type { LockdClient } from '../../src/client/client.js';
import { lockFileName } from '../../src/lock-files/names.js';
import { Actor } from './clients.js';
import { DIRECTORY } from './daemon.js';
import { Machine } from './machine.js';
import { Process } from './process.js';
import { cutPower, type Scene } from './troubles.js';

/** Milliseconds for each step. */
const PATIENCE_MS = 150_000;

export async function settle(scene: Scene): Promise<void> {
  const { world, daemons } = scene;
  const steps = new Steps(scene);
  // By the newest, and none that is stopped keeps callers waiting or is about to take over.
  const isServed = () => daemons.current?.isServing === true && !daemons.isAnybodyStopped;
  await steps.until('a daemon serves', isServed);
  // What somebody put there by hand is a lock from here on.
  await steps.maintain();
  await steps.do('every resource becomes free', (actor) => steps.freeAll(actor));
  await steps.do('every resource can be locked', (actor) => steps.lockAll(actor));
  await steps.maintain();
  steps.compareFiles();
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

class Steps {
  readonly #process: Process;
  readonly #tokens = new Map<string, string>();

  constructor(private readonly scene: Scene) {
    this.#process = new Process(scene.world, 'last', new Machine(scene.world, 'desk2'));
  }

  async until(what: string, isSo: () => boolean): Promise<boolean> {
    const { world, accuse } = this.scene;
    await world.run(world.now + PATIENCE_MS, isSo);
    if (!isSo()) accuse({ rule: 'progress', at: world.now, text: `at the end: not in time: ${what}` });
    return isSo();
  }

  async do(what: string, work: (actor: Actor) => Promise<void>): Promise<void> {
    let isDone = false;
    const { world, accuse } = this.scene;
    const actor = new Actor(
      { ...this.scene, isOver: () => true },
      this.#process,
      'last',
      async () => undefined,
    );
    this.#process.post(() => {
      work(actor).then(
        () => {
          isDone = true;
        },
        (error: Error) => {
          isDone = true;
          accuse({ rule: 'progress', at: world.now, text: `at the end: ${what}: ${error.message}` });
        },
      );
    });
    await this.until(what, () => isDone);
  }

  async maintain(): Promise<void> {
    const { lockd } = this.scene.daemons.current ?? {};
    if (lockd) await this.do('the lock files are compared', () => lockd.maintain());
  }

  /** Waits for leases, claims and fences to end by themselves, and ends what would never end. */
  async freeAll(actor: Actor): Promise<void> {
    const client = actor.client();
    for (const resource of this.scene.resources) {
      for (let round = 0; ; round += 1) {
        const { state, holders, waiting } = await client.status(resource);
        if (state === 'free' && waiting === 0) break;
        if (round > 120) throw new Error(`'${resource}' is ${state}, ${waiting} wait`);
        if (state === 'unreadable') await client.forceUnlock(resource, { reason: 'unreadable' });
        for (const hold of holders) await this.#free(client, resource, hold);
        await actor.pause(1_000);
      }
    }
  }

  async #free(client: LockdClient, resource: string, hold: { client: string; ttl?: number; state: string }) {
    if (hold.state === 'held' && hold.ttl === undefined) {
      await client.forceUnlock(resource, { reason: 'the end', client: hold.client }).catch(() => undefined);
    }
  }

  async lockAll(actor: Actor): Promise<void> {
    for (const resource of this.scene.resources) {
      const client = actor.client({ client: 'last' });
      const { token } = await client.lock(resource, { limit: this.scene.limitOf(resource) });
      this.#tokens.set(resource, token);
    }
  }

  async stillHeld(actor: Actor): Promise<void> {
    for (const [resource, token] of this.#tokens) {
      const client = actor.client({ client: 'last' });
      const { holders } = await client.status(resource);
      const held = holders.map((hold) => hold.token).join();
      if (held !== token) throw new Error(`'${resource}' is held by [${held}], not by ${token}`);
      await client.unlock(resource, { token });
    }
  }

  /** One lock file for each held resource, and no other. */
  compareFiles(): void {
    const { world, disk, resources, accuse } = this.scene;
    const names = [...(disk.storage.find(DIRECTORY)?.entries.keys() ?? [])].filter((name) =>
      name.endsWith('.lock'),
    );
    const wanted = resources.map(lockFileName);
    if (names.sort().join() === wanted.sort().join()) return;
    accuse({ rule: 'files', at: world.now, text: `the lock files are [${names}], not [${wanted}]` });
  }
}
