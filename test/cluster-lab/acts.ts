/** What clients do: one of these each, over and over. */
import type { LockdClient } from '../../src/client/client.js';
import type { Parameter } from '../../src/client/encode-call.js';
import { NoDaemon, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import { oneOf } from '../random.js';
import type { Act, Actor } from './actor.js';

/** Seconds: what is not renewed has ended soon after all became quiet. */
const TTLS = [1, 2, 4];
const CLAIMS = [1, 2, 4];

const ONCE = { retry: { attempts: 1 } };

function wish({ random, stage }: Actor) {
  const resource = oneOf(random, stage.resources);
  return { resource, ttl: oneOf(random, TTLS), limit: stage.limitOf(resource) };
}

function isEnding({ stage }: Actor): boolean {
  return stage.isOver() || stage.isQuiet;
}

/** Locks with everything that the library has: retries, renewal in the background, release. */
async function holds(actor: Actor): Promise<void> {
  const { random } = actor;
  const asked = { ...wish(actor), wait: oneOf(random, [0, 2, 10, 30]), claim: oneOf(random, CLAIMS) };
  const { resource, ...options } = asked;
  const hold = await actor.client().acquire(resource, options);
  try {
    await actor.work(hold, actor.span(20, 2_000));
  } finally {
    await hold.release();
  }
}

/** Takes a place first, and waits on it in slices. */
async function queues(actor: Actor): Promise<void> {
  const { random } = actor;
  const { resource, ...options } = wish(actor);
  const place = await actor.client().enqueue(resource, { ...options, claim: oneOf(random, CLAIMS) });
  for (let slices = 0; slices < 6 && !isEnding(actor); slices += 1) {
    try {
      const hold = await place.wait({ wait: actor.span(100, 4_000) / 1_000 });
      await actor.work(hold, actor.span(20, 1_000));
      return await hold.release();
    } catch (error) {
      if (!(error instanceof RefusedCall) || error.refusal !== 'timedOut') throw error;
    }
    await actor.pause(actor.span(1, 1_000));
  }
  await place.cancel();
}

/** Calls without retry keys, each of them once; renews so late that it is hardly in time. */
async function brinks(actor: Actor): Promise<void> {
  const { random } = actor;
  const { resource, ttl, limit } = wish(actor);
  const client = actor.client(ONCE);
  const call = (method: string, ...more: Parameter[]) =>
    client.call(method, resource, client.client, ...more);
  const hold = (await call('lock', { ttl, limit, wait: 5 })) as Map<string, unknown>;
  const token = String(hold.get('token'));
  actor.tell({ resource, token });
  let left = Number(hold.get('left'));
  for (let turns = random(4); turns > 0 && !isEnding(actor); turns -= 1) {
    await actor.pause(Math.max(0, Math.min(left, 2) * 1_000 - actor.span(1, 400)));
    const renewed = (await call('renew', { token })) as Map<string, unknown>;
    left = Number(renewed.get('left'));
  }
  // Some let their lease end.
  if (actor.oneIn(3)) return;
  await call('unlock', { token });
}

/** Lets a lease run out, and looks on: it must not end too soon, whatever happens meanwhile. */
async function watches(actor: Actor): Promise<void> {
  const { resource, ttl, limit } = wish(actor);
  const client = actor.client(ONCE);
  const { token } = await client.lock(resource, { ttl, limit });
  actor.tell({ resource, token });
  for (let looks = 0; looks < 60 && !isEnding(actor); looks += 1) {
    await actor.pause(actor.span(20, 400));
    if ((await orUndefined(actor.client(ONCE).check(resource, token))) === false) return;
  }
}

/** An operator who ends what others hold. */
async function operates(actor: Actor): Promise<void> {
  const { resource } = wish(actor);
  await actor.pause(actor.span(500, 8_000));
  const client = actor.client(ONCE);
  const { holders } = await client.status(resource);
  if (holders.length === 0) return;
  const { client: holder, state, token } = oneOf(actor.random, holders);
  if (state === 'fencing') {
    await client.confirmFenced(resource, { reason: 'pulled the plug', token });
    return;
  }
  await client.forceUnlock(resource, { reason: 'a test', client: holder, fenced: actor.oneIn(2) });
}

const ALL = [holds, holds, queues, brinks, watches, holds, queues, holds, brinks, operates];

export const ACTS: readonly Act[] = ALL.map((act) => ({ act }));

/**
 * Asks one daemon only, whether it leads or not, so that it is noticed at once when it leads, and when it says what it
 * should not know any more.
 */
export function probes(url: string): Act {
  const act = async (actor: Actor) => {
    const client = actor.client({ ...ONCE, urls: [url] });
    const { stage } = actor;
    await look(actor, client);
    if (stage.isQuiet) return;
    // Nobody else wants it.
    const resource = `probe/${client.client}`;
    const { token } = await client.lock(resource, { ttl: 4 });
    await look(actor, client);
    await client.check(resource, token);
    await client.unlock(resource, { token });
    await client.check(resource, token);
  };
  return { act, whileQuiet: true };
}

async function look({ random, stage }: Actor, client: LockdClient): Promise<void> {
  const { told, resources } = stage;
  if (told.length > 0) {
    const { resource, token } = oneOf(random, told);
    await orUndefined(client.check(resource, token));
  }
  await orUndefined(client.status(oneOf(random, resources)));
}

/** The answer; undefined where there is none. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ([RefusedCall, NoDaemon, OutcomeUnknown].some((one) => error instanceof one)) return undefined;
    throw error;
  }
}
