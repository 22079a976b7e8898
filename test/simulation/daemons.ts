/** The daemons of a simulation: real ones, in simulated processes, one after another in one directory, or two at a time. */
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
import type { Machine } from './machine.js';
import type { Listener, Network } from './network.js';
import { Died, Process } from './process.js';
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

export interface ExpectedRefusal {
  onRefused(): void;
  onStarted(): void;
}

/** A start that took so long that nobody will ever wait for it: milliseconds. */
const PATIENCE_MS = 30_000;

export class Daemon implements Listener {
  lockd: Lockd | undefined;
  isListening = false;
  id = '';
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
      this.id = lockd.id;
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

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The clock of a daemon. Each look takes a little while, so that long work is cut into slices. */
function clockOf(process: Process, callMs: number): Clock {
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

/** Starts daemons again when they end, on one machine at a time unless chance has it otherwise. */
export class Daemons {
  readonly all: Daemon[] = [];
  /** The newest; it owns the directory. */
  current: Daemon | undefined;
  /** Whether one that ends is started again. */
  restarts = true;
  /** Called before a start, when nobody else runs. */
  beforeStart: () => void = () => undefined;
  /** The journal was moved away, and no daemon has served since: what the lock files say is known to nobody else. */
  knowsOnlyFiles = false;
  /** Called when the next daemon serves. */
  onNextReady: () => void = () => undefined;
  #expected: ExpectedRefusal | undefined;
  #count = 0;
  #machine: Machine;
  #isAwaySince: number | undefined = 0;

  constructor(
    private readonly options: DaemonsOptions,
    readonly machines: readonly [Machine, Machine],
  ) {
    this.#machine = machines[0];
  }

  get isNobodyAlive(): boolean {
    return this.all.every(({ process }) => !process.isAlive);
  }

  /** Whether one is there that does nothing at the moment. */
  get isAnybodyStopped(): boolean {
    return this.all.some(({ process }) => process.isAlive && (process.isStopped || process.machine.isAsleep));
  }

  /** The next start must be refused, as of a damaged journal. */
  expectRefusal(expected: ExpectedRefusal): void {
    this.#expected = expected;
  }

  /** Whether a start that was refused had to be. */
  refused(): boolean {
    const expected = this.#expected;
    this.#expected = undefined;
    expected?.onRefused();
    return expected !== undefined;
  }

  get isAnybodyServing(): boolean {
    return this.all.some((daemon) => daemon.isServing);
  }

  start(): Daemon {
    const { world, network } = this.options;
    this.#count += 1;
    const process = new Process(world, `daemon-${this.#count}@${this.#machine.name}`, this.#machine);
    const daemon: Daemon = new Daemon(process, this.options, {
      ready: () => this.#ready(),
      refused: () => this.refused(),
      ended: () => this.#ended(daemon),
    });
    this.all.push(daemon);
    this.current = daemon;
    network.listen(this.#machine.name, daemon);
    daemon.start();
    return daemon;
  }

  /** The other machine takes the directory over, whatever goes on at this one. */
  takeOver(): void {
    const { world } = this.options;
    const before = this.current;
    this.#machine = this.#machine === this.machines[0] ? this.machines[1] : this.machines[0];
    world.tell(this.#machine.name, 'takes the directory over');
    this.start();
    if (before && world.oneIn(2)) world.after(world.span(1, 8_000), () => before.loseClaim());
  }

  /** To be called when a daemon is stopped or goes on: writes down when nobody served. */
  watch(): void {
    const { world, tell } = this.options;
    if (this.isAnybodyServing && this.#isAwaySince !== undefined) {
      tell({ kind: 'away', from: this.#isAwaySince, to: world.now });
      this.#isAwaySince = undefined;
    } else if (!this.isAnybodyServing) this.#isAwaySince ??= world.now;
  }

  #ready(): void {
    this.#expected?.onStarted();
    this.#expected = undefined;
    this.knowsOnlyFiles = false;
    this.onNextReady();
    this.onNextReady = () => undefined;
    this.watch();
  }

  #ended(daemon: Daemon): void {
    if (daemon !== this.current) return;
    this.watch();
    const { world } = this.options;
    world.after(world.span(20, 4_000), () => {
      if (this.current !== daemon || !this.restarts) return;
      this.beforeStart();
      this.start();
    });
  }
}
