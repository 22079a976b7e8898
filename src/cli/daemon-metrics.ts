/** The page of metrics, and what feeds it beside the daemon's own meters. */
import { metricsPage } from '../http/metrics.js';
import { daemonFigures, type Measured } from '../http/metrics-daemon.js';
import { HttpMeters } from '../http/metrics-http.js';
import { LoopDelay } from '../http/metrics-loop.js';
import type { HttpEvent } from '../http/server.js';
import type { Page } from '../http/visit.js';
import { systemClock } from '../service/clock.js';

export class DaemonMetrics {
  readonly page: Page;
  readonly #loop = new LoopDelay(systemClock);
  readonly #http = new HttpMeters();
  /** Until all addresses are listened on, which the first visitors may come before. */
  #server: ReturnType<Measured['server']> = { connections: 0, maxConnections: 0 };

  constructor(private readonly served: Pick<Measured, 'lockd' | 'member'>) {
    const { show } = metricsPage(
      daemonFigures({
        ...served,
        server: () => this.#server,
        loop: this.#loop,
        http: this.#http,
      }),
    );
    this.page = {
      show: (visit) => {
        // A daemon whose metrics nobody reads is not woken ten times a second.
        this.#loop.start();
        return show(visit);
      },
    };
  }

  /** All addresses are listened on. */
  start(server: ReturnType<Measured['server']>): void {
    this.#server = server;
  }

  stop(): void {
    this.#loop.stop();
  }

  note(event: HttpEvent): void {
    this.#http.note(event);
  }

  /** A user may not do what it asked for: that is decided before any turn. */
  denied(): void {
    this.served.lockd.meters.refused('denied');
  }
}
