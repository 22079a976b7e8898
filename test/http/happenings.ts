/** Where events come from, without a daemon: a store in memory, and turns that a test makes. */
import type { Change } from '../../src/core/records.js';
import type { EventSource } from '../../src/http/events.js';
import type { EventsOptions } from '../../src/service/api.js';
import { systemClock } from '../../src/service/clock.js';
import { Feed } from '../../src/service/feed.js';
import { afterOf, filterOf } from '../../src/service/feed-filter.js';
import { Following } from '../../src/service/feed-following.js';
import { MemoryStore } from '../../src/store/memory.js';
import { hold, put, turn } from '../store/fixture.js';

export class Happenings implements EventSource {
  readonly store = new MemoryStore();
  readonly feed = new Feed(systemClock, 0);
  #token = 0;

  follow(options: EventsOptions): Following {
    return new Following(this, filterOf(options), afterOf(options));
  }

  /** A turn that grants these resources to `alice`. */
  async grant(...resources: readonly string[]): Promise<void> {
    await this.happen(...resources.map((resource) => put(hold(++this.#token, resource))));
  }

  async happen(...changes: readonly Change[]): Promise<void> {
    const outcome = await this.store.commit(turn(this.#token + 1, ...changes));
    if (outcome.saved) this.feed.happened(outcome.turn, changes);
  }
}
