/** The fence commands of a simulation: they take their time, fail at times, and may outlive the daemon that started them. */
import type { FenceOutcome, FenceRunner, LostHold } from '../../src/fencing/port.js';
import type { Happening } from '../history/history.js';
import type { Process } from './process.js';
import type { World } from './world.js';

interface Running {
  end(outcome: FenceOutcome): void;
}

/** What runs on the machines, whoever started it. */
export class Fences {
  readonly running = new Map<number, Running>();
  /** Of so many runs one fails. */
  failing = 4;

  constructor(
    readonly world: World,
    readonly tell: (happening: Happening) => void,
  ) {}

  runner(process: Process): FenceRunner {
    return new SimulatedRunner(this, process);
  }
}

const ENDED: FenceOutcome = { succeeded: false, error: 'ended by lockd' };

class SimulatedRunner implements FenceRunner {
  readonly #own = new Set<number>();

  constructor(
    private readonly fences: Fences,
    private readonly process: Process,
  ) {}

  run(_command: string, { resource, token }: LostHold): Promise<FenceOutcome> {
    const { world, running, failing, tell } = this.fences;
    running.get(token)?.end(ENDED);
    const from = world.now;
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
          daemon: this.process.name,
          resource,
          token,
          from,
          to: world.now,
          succeeded,
        });
        this.process.post(() => resolve(outcome));
      };
      const entry: Running = { end };
      const works = failing === 0 || !world.oneIn(failing);
      const callOff = world.after(world.span(5, 3_000), () =>
        end(works ? { succeeded: true } : { succeeded: false, error: 'exit 1' }),
      );
      running.set(token, entry);
    });
  }

  async end(token: number): Promise<void> {
    this.fences.running.get(token)?.end(ENDED);
  }

  forget(): void {}

  async close(): Promise<void> {
    for (const token of [...this.#own]) await this.end(token);
  }
}
