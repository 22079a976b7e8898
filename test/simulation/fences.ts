/** The fence commands of a simulation: they take their time, fail at times, and may outlive the daemon that started them. */
import type { FenceOutcome, FenceRunner, LostHold } from '../../src/fencing/port.js';
import type { Happening } from '../history/history.js';
import type { Process } from './process.js';
import type { World } from './world.js';

interface Running {
  /** Who started it. */
  readonly process: Process;
  end(outcome: FenceOutcome): void;
}

/** Milliseconds that a command takes to end in good order. */
const GRACE_MS = 2_000;

/** What runs on the machines, whoever started it. */
export class Fences {
  readonly running = new Map<number, Running>();
  /** Of so many runs one fails. */
  failing = 4;
  /** Milliseconds that a run takes. */
  runMs: readonly [least: number, most: number] = [5, 3_000];

  constructor(
    readonly world: World,
    readonly tell: (happening: Happening) => void,
  ) {}

  /** @param name what the history calls who runs it, at that moment. */
  runner(process: Process, name: () => string = () => process.name): FenceRunner {
    return new SimulatedRunner(this, process, name);
  }
}

const ENDED: FenceOutcome = { succeeded: false, error: 'ended by lockd' };

class SimulatedRunner implements FenceRunner {
  readonly #own = new Set<number>();
  #isClosed = false;

  constructor(
    private readonly fences: Fences,
    private readonly process: Process,
    private readonly name: () => string,
  ) {}

  run(_command: string, { resource, token }: LostHold): Promise<FenceOutcome> {
    if (this.#isClosed) return Promise.resolve(ENDED);
    const { world, running, failing, tell } = this.fences;
    running.get(token)?.end(ENDED);
    const from = world.now;
    const daemon = this.name();
    world.tell(this.process.name, `fences token ${token} on ${resource}`);
    this.#own.add(token);
    return new Promise((resolve) => {
      const end = (outcome: FenceOutcome) => {
        if (running.get(token) !== entry) return;
        running.delete(token);
        this.#own.delete(token);
        callOff();
        const { succeeded } = outcome;
        world.tell(this.process.name, `fence command for ${token} ${succeeded ? 'succeeded' : 'failed'}`);
        tell({
          kind: 'fenced',
          daemon,
          resource,
          token,
          from,
          to: world.now,
          succeeded,
        });
        this.process.post(() => resolve(outcome));
      };
      const entry: Running = { process: this.process, end };
      const works = failing === 0 || !world.oneIn(failing);
      const callOff = world.after(world.span(...this.fences.runMs), () =>
        end(works ? { succeeded: true } : { succeeded: false, error: 'exit 1' }),
      );
      running.set(token, entry);
    });
  }

  async end(token: number): Promise<void> {
    this.fences.running.get(token)?.end(ENDED);
  }

  forget(): void {}

  async close(atOnce = false): Promise<void> {
    this.#isClosed = true;
    const own = [...this.#own];
    if (own.length > 0 && !atOnce)
      await new Promise<void>((resolve) => this.process.after(GRACE_MS, resolve));
    for (const token of own) this.fences.running.get(token)?.end(ENDED);
  }
}
