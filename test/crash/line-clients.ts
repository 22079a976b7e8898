/** Clients that wait in the lines of a few resources, come back after a crash, and note everything in the ledger. */
import { oneOf, type Random } from '../random.js';
import { Caller, Refused } from './caller.js';
import type { Course, LineLedger } from './line-ledger.js';

const RESOURCES = ['line-1', 'line-2', 'line-3'];

/** Seconds: longer than any test lasts, and what a dead client's lease lasts. */
const LONG_TTL = 300;
const SHORT_TTL = 0.3;

export interface LineClientsOptions {
  readonly url: string;
  readonly ledger: LineLedger;
  readonly random: Random;
}

/** One after another's place in life: who works here, also over crashes. */
export class LineClient {
  #client: string;
  #generation = 0;
  #asked = 0;

  /** One in `mortality` of its holds is left to its lease. */
  constructor(
    private readonly name: string,
    private readonly mortality = 12,
  ) {
    this.#client = name;
  }

  /** Works until the connection ends, or so many calls for a lock are answered. Answers whether the connection ended. */
  async work(
    { url, ledger, random }: LineClientsOptions,
    calls = Number.POSITIVE_INFINITY,
  ): Promise<boolean> {
    const caller = await Caller.to(url).catch(() => undefined);
    if (!caller) return true;
    try {
      for (let count = 0; count < calls; count += 1) await this.#once(caller, ledger, random);
      return false;
    } catch {
      return true;
    } finally {
      caller.close();
    }
  }

  /** Goes on with what a crash interrupted, or begins anew. Rejects when the connection ends. */
  async #once(caller: Caller, ledger: LineLedger, random: Random): Promise<void> {
    const course = ledger.course(this.#client);
    if (course?.dies && course.state === 'holding') return this.#begin(caller, ledger, random);
    if (!course) return this.#begin(caller, ledger, random);
    // Who has no key cannot ask for what was found; it learns of it by `list`, and gives it back.
    if (course.state === 'asking' || (course.state === 'found' && course.request !== undefined)) {
      ledger.repeats(course, performance.now());
      await this.#lock(caller, ledger, course);
    }
    await this.#finish(caller, ledger, course, random);
  }

  async #begin(caller: Caller, ledger: LineLedger, random: Random): Promise<void> {
    const dies = random(this.mortality) === 0;
    this.#client = dies ? `${this.name}-dies-${++this.#generation}` : this.name;
    const key = dies || random(3) > 0 ? { request: `${this.name} ${++this.#asked}` } : {};
    const ttl = dies ? SHORT_TTL : LONG_TTL;
    const ask = { resource: oneOf(random, RESOURCES), client: this.#client, ttl, dies, ...key };
    const course = ledger.asks(ask, performance.now());
    await this.#lock(caller, ledger, course);
    await this.#finish(caller, ledger, course, random);
  }

  async #lock(caller: Caller, ledger: LineLedger, course: Course): Promise<void> {
    const { resource, client, ttl, request } = course;
    const options = { wait: 60, ttl, ...(request === undefined ? {} : { request }) };
    const hold = await answered(ledger, course, caller.lock(resource, client, options));
    if (hold) ledger.granted(course, { token: Number(hold.token), waited: hold.waited }, performance.now());
  }

  async #finish(caller: Caller, ledger: LineLedger, course: Course, random: Random): Promise<void> {
    if (course.dies || course.token === undefined || ledger.course(course.client) !== course) return;
    const { resource, client } = course;
    const token = String(course.token);
    if (random(3) === 0) {
      const renewed = await answered(ledger, course, caller.renew(resource, client, { token }));
      if (!renewed) return;
      ledger.renewed(course, Number(renewed.token));
    }
    ledger.unlocking(course);
    if (await answered(ledger, course, caller.unlock(resource, client, { token }))) ledger.unlocked(course);
  }
}

/** The answer; undefined for a refusal, which is noted. Rejects when the connection ends before. */
async function answered<T>(ledger: LineLedger, course: Course, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    ledger.refused(course, error.message);
    return undefined;
  }
}
