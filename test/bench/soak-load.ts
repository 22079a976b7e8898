/** The load of the soak: many clients that lock, renew, wait, look, and let leases run out, so many calls a second in all. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Caller, type Exchange, openCaller, xmlrpcCall } from './load.js';

export const CALLS_PER_SECOND = 500;

/** Clients with two connections each; all of them together manage more than the pace lets them. */
const CLIENTS = 16;

/**
 * Seconds for whose calls it is late at the beginning, which it makes as fast as it can: so pools that grow with the
 * greatest load so far, as that of open lock files, have their size before anything is measured.
 */
const LATE_SECONDS = 5;

/**
 * Of so many stories one lets its lease run out: about every other second. The end of a lost hold is remembered for a day,
 * which takes 1 kB each, for up to 100,000 of them. That is a promise and no leak, and so few are a third of a megabyte in
 * 10 minutes.
 */
const EXPIRING_EVERY = 200;

/** One story: some calls, the next after the answer to the one before. `n` is its own number. */
type Story = (n: number, one: Steps, other: Steps) => Promise<void>;

/** Makes a call when it is its turn. */
type Steps = (exchange: Exchange) => Promise<string>;

const STORIES: readonly Story[] = [
  async (n, call) => {
    const [resource, client] = [`soak/once-${n}`, `client-${n}`];
    await call(xmlrpcCall('lock', resource, client));
    await call(xmlrpcCall('status', resource));
    await call(xmlrpcCall('unlock', resource, client));
  },
  async (n, call) => {
    const [resource, client] = [`soak/leased-${n % 1_000}`, `client-${n}`];
    await call(withOptions(xmlrpcCall('lock', resource, client), { ttl: 30 }));
    for (let renewals = 0; renewals < 3; renewals += 1) await call(xmlrpcCall('renew', resource, client));
    await call(xmlrpcCall('unlock', resource, client));
  },
  async (n, call, other) => {
    const [resource, client, waiting] = [`soak/waited-${n}`, `client-${n}`, `waiting-${n}`];
    await call(xmlrpcCall('lock', resource, client));
    const granted = other(withOptions(xmlrpcCall('lock', resource, waiting), { wait: 20 }));
    // Looked at when it is awaited below; until then it must not end the process.
    granted.catch(() => undefined);
    await call(xmlrpcCall('status', resource));
    await call(xmlrpcCall('unlock', resource, client));
    await granted;
    await other(xmlrpcCall('unlock', resource, waiting));
  },
];

const expiring: Story = async (n, call) => {
  await call(withOptions(xmlrpcCall('lock', `soak/expiring-${n}`, `client-${n}`), { ttl: 1 }));
};

export class SoakLoad {
  /** Answered so far. */
  calls = 0;
  /** Rejects when a call fails. */
  readonly failed: Promise<never>;
  #fail: (error: unknown) => void = () => undefined;
  #stories = 0;
  #due = 0;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly url: string) {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for something else may hear of it too late.
    this.failed.catch(() => undefined);
  }

  start(): void {
    this.#due = performance.now() - LATE_SECONDS * 1_000;
    this.#running = Promise.all(Array.from({ length: CLIENTS }, () => this.#client()));
  }

  /** Resolves when all that was begun is answered. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #client(): Promise<void> {
    const callers = [openCaller('http', this.url), openCaller('http', this.url)] as const;
    const [one, other] = callers.map((caller) => (exchange: Exchange) => this.#call(caller, exchange)) as [
      Steps,
      Steps,
    ];
    try {
      while (!this.#isOver) {
        const n = this.#stories;
        this.#stories += 1;
        const story = n % EXPIRING_EVERY === 0 ? expiring : (STORIES[n % STORIES.length] as Story);
        await story(n, one, other);
      }
    } catch (error) {
      this.#isOver = true;
      this.#fail(error);
    } finally {
      for (const caller of callers) caller.close();
    }
  }

  async #call(caller: Caller, exchange: Exchange): Promise<string> {
    this.#due += 1_000 / CALLS_PER_SECOND;
    const early = this.#due - performance.now();
    if (early > 0) await pause(early);
    const answer = await caller.call(exchange);
    this.calls += 1;
    return answer;
  }
}

/** The same call with a struct of whole numbers behind its other parameters. */
function withOptions(exchange: Exchange, options: Readonly<Record<string, number>>): Exchange {
  const members = Object.entries(options)
    .map(([name, value]) => `<member><name>${name}</name><value><int>${value}</int></value></member>`)
    .join('');
  const struct = `<param><value><struct>${members}</struct></value></param></params>`;
  return { ...exchange, body: exchange.body.replace('</params>', struct) };
}
