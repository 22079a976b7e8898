/** Clients of the cluster: each does what it does, over and over, until it is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import { NoDaemon, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import type { HeldLock } from '../../src/client/held-lock.js';
import type { Exchange } from '../../src/client/http-exchange.js';
import { LockLost } from '../../src/client/lock-lost.js';
import { REAL_PORTS } from '../../src/client/ports.js';
import type { Violation } from '../history/history.js';
import { type Random, randomFrom } from '../random.js';
import type { Recorder } from './recorder.js';

/** A token that somebody was told of. */
export interface Told {
  readonly resource: string;
  readonly token: string;
}

/** What all clients share. */
export interface Stage {
  readonly urls: readonly string[];
  readonly recorder: Recorder;
  /** What is locked at present; after a while it is something else. */
  readonly resources: readonly string[];
  /** How many may hold a resource. */
  readonly limitOf: (resource: string) => number;
  /** The newest tokens that anybody got, held or not. */
  readonly told: Told[];
  readonly accuse: (violation: Violation) => void;
  /** Nobody begins to lock anything; who looks goes on. */
  isQuiet: boolean;
  isOver(): boolean;
}

/** Of so many tokens it is asked whether they are current. */
const TOLD = 12;

/** Seconds: a daemon that is stopped answers nothing, and another one may. */
const TIMEOUT_SECONDS = 3;
const CONNECT_SECONDS = 1;

/** What somebody does, over and over. */
export interface Act {
  readonly act: (actor: Actor) => Promise<void>;
  /** It does so while all is quiet, too. */
  readonly whileQuiet?: boolean;
}

/** Milliseconds between two looks whether all is quiet. */
const QUIET_MS = 50;

export class Actor {
  readonly random: Random;
  readonly #exchange: Exchange;
  #count = 0;

  constructor(
    readonly stage: Stage,
    readonly name: string,
    seed: number,
    private readonly doing: Act,
  ) {
    this.random = randomFrom(seed);
    this.#exchange = stage.recorder.exchange({});
  }

  /** A client with a name of its own, that nobody had before. */
  client(options: LockdClientOptions = {}): LockdClient {
    this.#count += 1;
    const patience = { timeout: TIMEOUT_SECONDS, connectTimeout: CONNECT_SECONDS };
    const urls = options.urls ?? this.#turned(this.stage.urls);
    const ports = { ...REAL_PORTS, exchange: () => this.#shared };
    return new LockdClient({ client: `${this.name}.${this.#count}`, ...patience, ...options, urls }, ports);
  }

  /** Milliseconds from `least` to `most`, short ones as likely as long ones. */
  span(least: number, most: number): number {
    return least * (most / least) ** (this.random(1_000_000) / 1_000_000);
  }

  oneIn(chances: number): boolean {
    return this.random(chances) === 0;
  }

  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  /** Lets everybody ask for this token. */
  tell({ resource, token }: Told): void {
    const { told } = this.stage;
    told.push({ resource, token });
    if (told.length > TOLD) told.shift();
  }

  /** Uses what it holds for so long, as long as it believes to hold it. */
  async work(hold: HeldLock, milliseconds: number): Promise<void> {
    this.tell(hold);
    const end = performance.now() + milliseconds;
    for (;;) {
      hold.check();
      // The look and the work are one step: nothing can come between them.
      const at = performance.now();
      const { resource, client, token } = hold;
      this.stage.recorder.happenings.push({ kind: 'worked', resource, client, token: Number(token), at });
      if (at >= end || this.stage.isOver() || this.stage.isQuiet) return;
      await this.pause(Math.min(end - at, this.span(5, 400)));
    }
  }

  /** Resolves when it is over. */
  async live(): Promise<void> {
    await this.pause(this.span(1, 1_000));
    while (!this.stage.isOver()) {
      if (this.stage.isQuiet && !this.doing.whileQuiet) {
        await this.pause(QUIET_MS);
      } else {
        await this.#actOnce();
        await this.pause(this.span(5, 500));
      }
    }
    this.#exchange.close();
  }

  async #actOnce(): Promise<void> {
    try {
      await this.doing.act(this);
    } catch (error) {
      if (isExpected(error)) return;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.stage.accuse({ rule: 'defect', at: performance.now(), text: `${this.name}: ${text}` });
    }
  }

  /** Connections live as long as the actor. */
  readonly #shared: Exchange = {
    get: (...words) => this.#exchange.get(...words),
    open: (...words) => this.#exchange.open(...words),
    post: (...words) => this.#exchange.post(...words),
    close: () => undefined,
  };

  #turned(urls: readonly string[]): string[] {
    const first = this.random(urls.length);
    return [...urls.slice(first), ...urls.slice(0, first)];
  }
}

/** What a client is told when something is the matter, and not a mistake in it. */
function isExpected(error: unknown): boolean {
  return [RefusedCall, NoDaemon, OutcomeUnknown, LockLost].some((one) => error instanceof one);
}
