/** One daemon of a simulation: the real one, in a simulated process. */
import type { Claim } from '../../src/disk/claim.js';
import type { DirectoryAccess } from '../../src/disk/directory-access.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import type { Peer } from '../../src/service/api.js';
import type { Clock } from '../../src/service/clock.js';
import { Lockd } from '../../src/service/lockd.js';
import { JournalDamaged } from '../../src/store/journal/recovery.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import type { Happening, Violation } from '../history/history.js';
import { type DiskState, SimulatedDisk } from './disk.js';
import type { Fences } from './fences.js';
import type { Listener, Network } from './network.js';
import { Died, type Process } from './process.js';
import type { World } from './world.js';

export const DIRECTORY = '/locks';

/** What all daemons of a run are told. */
export interface Settings {
  readonly fence: readonly string[];
  readonly lockDelay: number;
  readonly segmentBytes: number;
  readonly roomBytes: number;
  /** Milliseconds that a call of the disk, or a look at the clock, takes. */
  readonly callMs: number;
}

export interface DaemonsOptions {
  readonly world: World;
  readonly disk: DiskState;
  readonly network: Network;
  readonly fences: Fences;
  readonly settings: Settings;
  readonly tell: (happening: Happening) => void;
  readonly accuse: (violation: Violation) => void;
}

interface DaemonEvents {
  ready(): void;
  /** Answers whether the refusal of a damaged journal was to be expected. */
  refused(): boolean;
  ended(): void;
}

/** A start that took so long that nobody will ever wait for it: milliseconds. */
const PATIENCE_MS = 30_000;

export class Daemon implements Listener {
  lockd: Lockd | undefined;
  isListening = false;
  readonly began: number;
  readonly #settleLost: (error: Error) => void;
  readonly #lost: Promise<Error>;

  constructor(
    readonly process: Process,
    private readonly options: DaemonsOptions,
    private readonly on: DaemonEvents,
  ) {
    const { world } = options;
    this.began = world.now;
    let settle: (error: Error) => void = () => undefined;
    this.#lost = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settleLost = settle;
    process.onDeath(() => {
      this.isListening = false;
      world.tell(process.name, 'is dead');
      options.tell({ kind: 'ended', daemon: process.name, at: world.now });
      on.ended();
    });
  }

  get speaker(): string {
    return this.process.name;
  }

  get headers(): Record<string, string> {
    return this.lockd ? { 'x-lockd-id': this.lockd.id } : {};
  }

  get isServing(): boolean {
    return (
      this.isListening && this.process.isAlive && !this.process.isStopped && !this.process.machine.isAsleep
    );
  }

  /** Another one has its directory lock now, and it hears of that. */
  loseClaim(): void {
    this.process.post(() => this.#settleLost(new Error('daemon.lock was taken over')));
  }

  start(): void {
    const { world } = this.options;
    world.tell(this.process.name, 'starts');
    world.after(PATIENCE_MS, () => {
      if (this.process.isAlive && this.lockd === undefined && !this.process.isStopped) this.process.kill();
    });
    this.process.post(() => void this.#open());
  }

  /** SIGTERM. */
  terminate(): void {
    const { world } = this.options;
    this.process.post(() => {
      world.tell(this.process.name, 'is asked to stop');
      this.isListening = false;
      const ended = this.lockd?.close() ?? Promise.resolve();
      void ended.then(() => this.process.kill());
      this.process.after(5_000, () => this.process.kill());
    });
  }

  handle(body: Uint8Array, peer: Peer): Promise<string> {
    if (!this.lockd) return Promise.reject(new Error('not open yet'));
    const context = {
      from: '192.0.2.7:1',
      received: this.process.machine.monotonic,
      peer,
      onInternalError: (error: unknown, method: string) =>
        this.#defect(`${method}: ${stackOf(error)}`, error),
    };
    return handleCall(body, 'utf-8', this.lockd, context);
  }

  async #open(): Promise<void> {
    const { world, disk, fences, settings, tell } = this.options;
    const { process } = this;
    const { callMs, ...given } = settings;
    try {
      const lockd = await Lockd.open({
        ...given,
        directory: DIRECTORY,
        disk: new SimulatedDisk(process, disk, callMs),
        access: this.#access(),
        clock: clockOf(process, callMs),
        makeId: () => `directory-${world.random(1_000_000)}`,
        fenceRunner: fences.runner(process),
        log: (level, message) => world.tell(process.name, `${level}: ${message}`),
      });
      this.lockd = lockd;
      void lockd.failed.then((error) => {
        world.tell(process.name, `stops at once: ${error.message}`);
        process.kill();
      });
      if (!process.isAlive) return;
      this.isListening = true;
      world.tell(process.name, 'serves');
      tell({ kind: 'started', daemon: process.name, from: this.began, ready: world.now });
      this.on.ready();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { process } = this;
    if (error instanceof Died || !process.isAlive) return;
    const { message } = error as Error;
    this.options.world.tell(process.name, `cannot start: ${message}`);
    if (error instanceof JournalDamaged) {
      if (!this.on.refused()) this.#accuse('damage', message);
    } else if (!(error instanceof StartRefused)) this.#defect(stackOf(error), error);
    process.kill();
  }

  /** What is neither a refusal nor an error of the disk is a mistake in the program. */
  #defect(text: string, error: unknown): void {
    const isSystem = error instanceof Error && ('code' in error || error.name === 'Stopped');
    if (isSystem || error instanceof Died || !this.process.isAlive) return;
    this.#accuse('defect', text);
  }

  #accuse(rule: string, text: string): void {
    this.options.accuse({ rule, at: this.options.world.now, text: `${this.process.name}: ${text}` });
  }

  #access(): DirectoryAccess {
    return {
      prepare: () => ({ path: DIRECTORY, warnings: [] }),
      claim: async (): Promise<Claim> => ({
        lost: this.#lost,
        warnings: [],
        release: async () => undefined,
      }),
    };
  }
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The clock of a daemon. Each look takes a little while, so that long work is cut into slices. */
export function clockOf(process: Process, callMs: number): Clock {
  const { machine, world } = process;
  return {
    time: () => machine.wall,
    monotonic: () => {
      world.spend(callMs);
      return machine.monotonic;
    },
    after: (milliseconds, action) => process.after(milliseconds, action),
    nextRound: (action) => process.nextRound(action),
  };
}
