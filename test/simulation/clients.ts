/** The clients of a simulation: real ones, in simulated processes, each of which does what it does until it is told to stop. */
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import { AnotherCluster, NoDaemon, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import type { HeldLock } from '../../src/client/held-lock.js';
import { LockLost } from '../../src/client/lock-lost.js';
import type { ClientPorts } from '../../src/client/ports.js';
import type { Happening, Violation } from '../history/history.js';
import type { Network } from './network.js';
import { Died, type Process } from './process.js';
import type { World } from './world.js';

export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly resources: readonly string[];
  /** The address of every daemon; one cluster. */
  readonly urls: readonly string[];
  /** How many may hold a resource. */
  readonly limitOf: (resource: string) => number;
  readonly tell: (happening: Happening) => void;
  readonly accuse: (violation: Violation) => void;
  /** Whether everybody is to come to an end. */
  isOver(): boolean;
}

let keys = 0;

/** So that two runs of a seed use the same keys. */
export function resetKeys(): void {
  keys = 0;
}

export function portsOf({ world, network }: Surroundings, process: Process): ClientPorts {
  const { machine } = process;
  return {
    clock: {
      now: () => ({ monotonic: machine.monotonic / 1_000, sinceBoot: machine.sinceBoot / 1_000 }),
      after: (seconds, action) => process.after(seconds * 1_000, action),
    },
    pace: {
      now: () => machine.monotonic,
      pause: (seconds, signal) => pause(process, seconds * 1_000, signal),
    },
    exchange: () => network.exchange(process),
    makeId: () => {
      keys += 1;
      return `k${keys}`;
    },
    random: () => world.random(1_000_000) / 1_000_000,
  };
}

/** Time passes in a process. Rejects with the signal's reason if that comes first. */
export function pause(process: Process, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      callOff();
      reject(signal?.reason);
    };
    const callOff = process.after(milliseconds, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Someone who uses locks, over and over. */
export class Actor {
  isDone = false;
  #count = 0;

  constructor(
    readonly around: Surroundings,
    readonly process: Process,
    readonly name: string,
    private readonly act: (actor: Actor) => Promise<void>,
  ) {
    process.onDeath(() => {
      this.isDone = true;
    });
  }

  start(): void {
    this.process.post(() => void this.#live());
  }

  /** A client with a name of its own, that nobody had before. */
  client(options: LockdClientOptions = {}): LockdClient {
    this.#count += 1;
    const client = `${this.name}.${this.#count}`;
    const given = { urls: this.around.urls, client, timeout: 8, connectTimeout: 3, ...options };
    return new LockdClient(given, portsOf(this.around, this.process));
  }

  pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return pause(this.process, milliseconds, signal);
  }

  /** Uses what it holds for so long, as long as it believes to hold it; looks again after `stepMs` at the latest. */
  async work(hold: HeldLock, milliseconds: number, stepMs = 800): Promise<void> {
    const { world, tell } = this.around;
    const end = this.process.machine.monotonic + milliseconds;
    for (;;) {
      hold.check();
      // The look and the work are one step: nothing can come between them.
      const { resource, client, token } = hold;
      tell({ kind: 'worked', resource, client, token: Number(token), at: world.now });
      const left = end - this.process.machine.monotonic;
      if (left <= 0) return;
      await this.pause(Math.min(left, world.span(5, stepMs)));
    }
  }

  async #live(): Promise<void> {
    const { world } = this.around;
    await this.pause(world.span(1, 1_000));
    while (!this.around.isOver()) {
      await this.#actOnce();
      await this.pause(world.span(1, 1_500));
    }
    this.isDone = true;
  }

  async #actOnce(): Promise<void> {
    try {
      await this.act(this);
    } catch (error) {
      if (isExpected(error)) return;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.around.accuse({ rule: 'defect', at: this.around.world.now, text: `${this.name}: ${text}` });
    }
  }
}

/** What a client is told when something is the matter, and not a mistake in it. */
function isExpected(error: unknown): boolean {
  const classes = [RefusedCall, NoDaemon, OutcomeUnknown, AnotherCluster, LockLost, Died, GaveUp];
  return classes.some((one) => error instanceof one);
}

/** The reason of a wait that its client ends. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}
