/** Clients that hold a lease and renew it every third of it, and say when one is refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { Caller } from './caller.js';

export class RenewingClient {
  /** Renewals that were answered. */
  renewals = 0;
  /** What went wrong, one sentence each. */
  readonly problems: string[] = [];
  #isOver = false;
  #ended: Promise<void> | undefined;

  private constructor(
    private readonly url: string,
    readonly resource: string,
    readonly client: string,
    readonly ttl: number,
    readonly token: string,
    /** Absent: a connection of its own for every renewal, as command lines make them. */
    private readonly caller: Caller | undefined,
  ) {
    onTestFinished(() => this.stop());
  }

  static async start(url: string, number: number, ttl: number): Promise<RenewingClient> {
    const caller = await Caller.to(url);
    const [resource, client] = [`resource-${number}`, `client-${number}`];
    const { token } = await caller.lock(resource, client, { ttl });
    const keeps = number % 2 === 0;
    if (!keeps) caller.close();
    const renewing = new RenewingClient(url, resource, client, ttl, token, keeps ? caller : undefined);
    renewing.#ended = renewing.#run();
    return renewing;
  }

  /** Resolves when the last renewal is answered. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#isOver && this.problems.length === 0) {
      const started = performance.now();
      await this.#renew().catch(
        (error: Error) => void this.problems.push(`${this.client}: ${error.message}`),
      );
      const tookMs = performance.now() - started;
      await sleep(Math.max(0, (this.ttl * 1_000) / 3 - tookMs));
    }
  }

  async #renew(): Promise<void> {
    const { resource, client, token } = this;
    const caller = this.caller ?? (await Caller.to(this.url));
    const hold = await caller.renew(resource, client, { token });
    if (!this.caller) caller.close();
    if (hold.token !== token) this.problems.push(`${client} renewed ${token} and was answered ${hold.token}`);
    this.renewals += 1;
  }
}
