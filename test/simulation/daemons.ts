/** The daemons of a simulation, one after another in one directory, or two at a time. */
import { Daemon, type DaemonsOptions } from './daemon.js';
import type { Machine } from './machine.js';
import { Process } from './process.js';

export interface ExpectedRefusal {
  onRefused(): void;
  onStarted(): void;
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
  #awaySince: { readonly at: number; readonly machine: Machine; readonly monotonic: number } | undefined;

  constructor(
    private readonly options: DaemonsOptions,
    readonly machines: readonly [Machine, Machine],
  ) {
    this.#machine = machines[0];
    this.#awaySince = this.#moment();
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

  get expectsRefusal(): boolean {
    return this.#expected !== undefined;
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
    if (this.isAnybodyServing && this.#awaySince) {
      const { at, machine, monotonic } = this.#awaySince;
      // Where another machine serves now, it has begun all leases afresh.
      const awakeMs = machine === this.#machine ? machine.monotonic - monotonic : world.now - at;
      tell({ kind: 'away', from: at, to: world.now, awakeMs });
      this.#awaySince = undefined;
    } else if (!this.isAnybodyServing) this.#awaySince ??= this.#moment();
  }

  #moment() {
    const machine = this.#machine;
    return { at: this.options.world.now, machine, monotonic: machine.monotonic };
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
