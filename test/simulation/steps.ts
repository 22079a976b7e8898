/** What must work at the end of a run, when all is well again. */
import type { LockdClient } from '../../src/client/client.js';
import { lockFileName } from '../../src/lock-files/names.js';
import { Actor, type Surroundings } from './clients.js';
import { DIRECTORY } from './daemon.js';
import { Machine } from './machine.js';
import { Process } from './process.js';
import type { Storage } from './storage.js';

/** Milliseconds for each step. */
const PATIENCE_MS = 150_000;

/** What is asked for at the end of a run, one thing after another, each with its time. */
export class Steps {
  readonly #process: Process;
  readonly #tokens = new Map<string, string>();

  constructor(private readonly scene: Surroundings) {
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
}

/** What is wrong with the lock files where all resources are held, one file each, and no other; undefined: nothing. */
export function wrongFiles(storage: Storage, resources: readonly string[]): string | undefined {
  const names = [...(storage.find(DIRECTORY)?.entries.keys() ?? [])].filter((name) => name.endsWith('.lock'));
  const wanted = resources.map(lockFileName);
  if (names.sort().join() === wanted.sort().join()) return undefined;
  return `the lock files are [${names}], not [${wanted}]`;
}
