/** What clients do: one of these each, over and over. */
import type { Parameter } from '../../src/client/encode-call.js';
import { RefusedCall } from '../../src/client/errors.js';
import { oneOf } from '../random.js';
import { type Actor, GaveUp } from './clients.js';

/** Seconds. */
const TTLS = [0.4, 1, 2, 3, 6];

function wish({ around }: Actor) {
  const { world, resources, limitOf } = around;
  const resource = oneOf(world.random, resources);
  return { world, resource, ttl: oneOf(world.random, TTLS), limit: limitOf(resource) };
}

/** Locks with everything that the library has: retries, renewal in the background, release. */
async function holds(actor: Actor): Promise<void> {
  const { world, resource, ttl, limit } = wish(actor);
  const wait = oneOf(world.random, [0, 2, 10, 40]);
  const hold = await actor
    .client()
    .acquire(resource, { ttl, limit, wait, claim: oneOf(world.random, [1, 5, 30]) });
  try {
    await actor.work(hold, world.span(1, 12_000));
  } finally {
    await hold.release();
  }
}

/** Works on while nobody can be reached, for as long as its own count of the lease allows. */
async function clings(actor: Actor): Promise<void> {
  const { world, resource, limit } = wish(actor);
  const { network } = actor.around;
  const hold = await actor
    .client()
    .acquire(resource, { ttl: oneOf(world.random, [2, 3, 6]), limit, wait: 10 });
  network.isolated.add(actor.process);
  try {
    await actor.work(hold, 12_000, 20);
  } finally {
    network.isolated.delete(actor.process);
    await hold.release();
  }
}

/** Takes a place first, and waits on it in slices. */
async function queues(actor: Actor): Promise<void> {
  const { world, resource, ttl, limit } = wish(actor);
  const place = await actor
    .client()
    .enqueue(resource, { ttl, limit, claim: oneOf(world.random, [1, 4, 30]) });
  for (let slices = 0; slices < 6; slices += 1) {
    try {
      const hold = await place.wait({ wait: world.span(100, 6_000) / 1_000 });
      await actor.work(hold, world.span(1, 4_000));
      return await hold.release();
    } catch (error) {
      if (!String((error as Error).message).startsWith('Gave up')) throw error;
    }
    await actor.pause(world.span(1, 2_000));
  }
  await place.cancel();
}

/** Calls without retry keys, each of them once; renews so late that it is hardly in time. */
async function brinks(actor: Actor): Promise<void> {
  const { world, resource, ttl, limit } = wish(actor);
  const client = actor.client({ retry: { attempts: 1 } });
  const call = (method: string, ...more: Parameter[]) =>
    client.call(method, resource, client.client, ...more);
  const wait = oneOf(world.random, [0, 0, 5]);
  const hold = (await call('lock', { ttl, limit, ...(wait > 0 ? { wait } : {}) })) as Map<string, unknown>;
  const token = String(hold.get('token'));
  let left = Number(hold.get('left'));
  for (let turns = world.random(5); turns > 0; turns -= 1) {
    await actor.pause(Math.max(0, left * 1_000 - world.span(1, 400)));
    const asked = oneOf(world.random, [{}, {}, {}, { ttl: ttl / 2 }, { ttl: ttl * 2 }]);
    const renewed = (await call('renew', { token, ...asked })) as Map<string, unknown>;
    left = Number(renewed.get('left'));
    if (world.oneIn(4)) {
      const extended = (await call('extend', 1.5, { token })) as Map<string, unknown>;
      left = Number(extended.get('left'));
    }
  }
  // Some let their lease end.
  if (world.oneIn(3)) return;
  await actor.pause(world.span(1, left * 1_000 + 1));
  await call('unlock', world.oneIn(3) ? {} : { token });
}

/** One name for one hold after another: what was meant for the one before must not touch the next. */
async function returns(actor: Actor): Promise<void> {
  const { world, resource, limit } = wish(actor);
  const client = actor.client({ retry: { attempts: 1 } });
  let before: string | undefined;
  for (let turns = 1 + world.random(4); turns > 0; turns -= 1) {
    const { token } = await client.lock(resource, { limit, ttl: 6 });
    await actor.pause(world.span(1, 500));
    if (before !== undefined && world.oneIn(2))
      await client.unlock(resource, { token: before }).catch(refusal);
    await actor.pause(world.span(1, 1_000));
    await client.unlock(resource, { token });
    before = token;
  }
}

/** Takes a refusal for an answer. */
function refusal(error: unknown): void {
  if (!(error instanceof RefusedCall)) throw error;
}

/** Waits without a lease and without a key, and goes away at any moment. */
async function leaves(actor: Actor): Promise<void> {
  const { world, resource, limit } = wish(actor);
  const gone = new AbortController();
  const client = actor.client({ retry: { attempts: 1 }, signal: gone.signal });
  // Often just when it may be granted.
  const patience = world.oneIn(2) ? world.span(0.5, 60) : world.span(1, 6_000);
  const callOff = actor.process.after(patience, () => gone.abort(new GaveUp()));
  await client.call('lock', resource, client.client, { limit, wait: 30 });
  callOff();
  await actor.pause(world.span(1, 1_000));
  await actor.client({ client: client.client }).unlock(resource);
}

/** Lets a lease run out, and looks on: it must not end too soon, whatever stands still meanwhile. */
async function watches(actor: Actor): Promise<void> {
  const { world, resource, ttl, limit } = wish(actor);
  const client = actor.client({ retry: { attempts: 1 } });
  const { token } = await client.lock(resource, { ttl, limit });
  for (let looks = 0; looks < 60; looks += 1) {
    await actor.pause(world.span(20, 400));
    try {
      if (!(await client.check(resource, token))) return;
    } catch {
      // Nobody there, or nobody awake: what comes afterwards is what matters.
    }
  }
}

/** Looks. */
async function looks(actor: Actor): Promise<void> {
  const { world, resource } = wish(actor);
  const client = actor.client({ retry: { attempts: 1 } });
  const { holders } = await client.status(resource);
  const [first] = holders;
  if (first && world.oneIn(2)) await client.check(resource, first.token);
  if (first && world.oneIn(4)) await client.unlock(resource).catch(() => undefined);
}

/** An operator who ends what others hold, and hands it over. */
async function operates(actor: Actor): Promise<void> {
  const { world, resource } = wish(actor);
  await actor.pause(world.span(100, 8_000));
  const client = actor.client({ retry: { attempts: 1 } });
  const { holders } = await client.status(resource);
  if (holders.length === 0) return;
  const hold = oneOf(world.random, holders);
  switch (world.random(3)) {
    case 0:
      await client.forceUnlock(resource, { reason: 'test', client: hold.client, fenced: world.oneIn(2) });
      break;
    case 1: {
      const heir = actor.client();
      await client.call('update', resource, hold.client, {
        token: hold.token,
        newClient: heir.client,
        ttl: 5,
      });
      await actor.pause(world.span(1, 3_000));
      await heir.unlock(resource);
      break;
    }
    default:
      if (hold.state === 'fencing') {
        await client.confirmFenced(resource, { reason: 'pulled the plug', token: hold.token });
      }
  }
}

/** Sees to it that what nobody can give back any more does not stay for ever. */
export async function tidies(actor: Actor): Promise<void> {
  const { world, resources } = actor.around;
  await actor.pause(world.span(2_000, 6_000));
  const client = actor.client({ retry: { attempts: 1 } });
  for (const resource of resources) {
    const { holders, state } = await client.status(resource);
    if (state === 'unreadable') await client.forceUnlock(resource, { reason: 'unreadable' });
    for (const hold of holders) {
      const age = actor.process.machine.wall - hold.acquired.getTime();
      if (hold.state !== 'held' || hold.ttl !== undefined || age < 8_000) continue;
      await client.forceUnlock(resource, { reason: 'left behind', client: hold.client });
    }
  }
}

export const ACTS: readonly ((actor: Actor) => Promise<void>)[] = [
  holds,
  holds,
  clings,
  queues,
  brinks,
  watches,
  returns,
  leaves,
  looks,
  operates,
];
