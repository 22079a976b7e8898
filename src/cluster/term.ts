/**
 * One term as leader. It keeps the lease alive, looks again and again whether the leader's key still is ours, and ends by
 * itself before the lease can have ended, also when nothing is heard or asked: whoever acts in its name ends with it.
 *
 * A renewal counts only when a linearizable read after it has found our key: a member of etcd that was cut off may say for a
 * moment that it renewed a lease, but cannot read.
 */
import { type Kv, KvError } from '../etcd/kv.js';
import type { Keys } from '../store/etcd/keys.js';
import type { Leadership } from '../store/etcd/leadership.js';
import { Stopped } from '../store/port.js';
import type { Candidacy } from './candidacy.js';
import type { ClusterClock } from './clock.js';
import type { Contact } from './contact.js';
import { readLeader } from './leader-value.js';
import { assertSameId, PrefixChanged, Revisions } from './prefix-id.js';

/** Milliseconds between two renewals: often, so that as much as possible is left when etcd falls silent. */
const BEAT_MS = 1_000;

/** Milliseconds until the next try after one that failed. */
const RETRY_MS = 200;

/** Milliseconds for one request: where one member of etcd hangs, another is to be asked before the term is over. */
const REQUEST_MS = 1_000;

/** Milliseconds between two looks at the clocks: a machine that slept finds its timers as they were. */
const WATCH_MS = 250;

export interface TermOptions {
  readonly kv: Kv;
  readonly keys: Keys;
  readonly clock: ClusterClock;
  /** Of the prefix. */
  readonly id: string;
  /** Where etcd is, for texts. */
  readonly store: string;
  readonly contact: Contact;
  readonly candidacy: Candidacy;
  /** The revision that made the leader's key. */
  readonly createRevision: number;
  /** The prefix is not the one that it was. Called after the end of the term. */
  readonly onPrefixChanged: (error: PrefixChanged) => void;
}

export class Term implements Leadership {
  readonly key: string;
  readonly createRevision: number;
  readonly lost: Promise<Stopped>;
  #settleLost: (error: Stopped) => void = () => undefined;
  #over: Stopped | undefined;
  #callOffWatch: () => void = () => undefined;
  #callOffBeat: () => void = () => undefined;
  readonly #revisions: Revisions;

  constructor(private readonly options: TermOptions) {
    this.key = options.keys.leader;
    this.createRevision = options.createRevision;
    this.#revisions = new Revisions(options.keys, options.createRevision);
    this.lost = new Promise((resolve) => {
      this.#settleLost = resolve;
    });
    this.#watch();
    void this.#beat();
  }

  assert(): void {
    if (!this.#over && this.options.candidacy.left <= 0) this.#runOut();
    if (this.#over) throw this.#over;
  }

  left(): number {
    return this.#over ? 0 : this.options.candidacy.left;
  }

  /** Ends it at once: from here on `assert` throws `error`. Without effect on one that is over. */
  end(error: Stopped): void {
    if (this.#over) return;
    this.#over = error;
    this.#callOffWatch();
    this.#callOffBeat();
    this.#settleLost(error);
  }

  /** Ends it, and the lease, so that another can lead at once; to be called when nothing goes on in its name any more. */
  async resign(): Promise<boolean> {
    this.end(new Stopped('The leadership was given up'));
    return this.options.candidacy.withdraw(REQUEST_MS);
  }

  #watch(): void {
    this.#callOffWatch = this.options.clock.after(Math.min(WATCH_MS, this.left()), () => {
      if (this.left() > 0) this.#watch();
      else this.#runOut();
    });
  }

  #runOut(): void {
    const { store, contact } = this.options;
    const { problem = `${store} was not heard in time, or this process was stopped` } = contact;
    this.end(new Stopped(`The leadership ran out: ${problem}`));
  }

  async #beat(): Promise<void> {
    const { contact, clock } = this.options;
    let pause = BEAT_MS;
    try {
      await this.#renew();
      contact.answered();
    } catch (error) {
      if (error instanceof KvError) {
        contact.failed(error);
        pause = RETRY_MS;
      } else if (error instanceof PrefixChanged) {
        this.end(new Stopped(error.message));
        this.options.onPrefixChanged(error);
      } else if (error instanceof Stopped) {
        this.end(error);
      } else {
        throw error;
      }
    }
    if (!this.#over) this.#callOffBeat = clock.after(pause, () => void this.#beat());
  }

  async #renew(): Promise<void> {
    const { candidacy } = this.options;
    const renewal = await candidacy.ask(this.#timeout());
    if (!renewal) throw new Stopped('The leadership is over: etcd has ended its lease');
    this.assert();
    await this.#look();
    // Not one that came too late: what is over stays so.
    this.assert();
    candidacy.renewed(renewal);
  }

  async #look(): Promise<void> {
    const { kv, keys, id } = this.options;
    const [leader, ours] = [
      { kind: 'get', key: keys.leader },
      { kind: 'get', key: keys.id },
    ] as const;
    const { succeeded, found, revision } = await kv.transact(
      {
        compare: [{ key: keys.leader, createRevision: this.createRevision }],
        success: [ours],
        failure: [ours, leader],
      },
      this.#timeout(),
    );
    assertSameId(keys, id, found[0]?.[0]?.value);
    this.#revisions.assertNotBefore(revision);
    if (succeeded) return;
    const other = readLeader(found[1]?.[0]?.value ?? '');
    throw new Stopped(
      other
        ? `The leadership is over: ${other.url} leads now`
        : `The leadership is over: ${keys.leader} in etcd is gone`,
    );
  }

  /** Never more than what is left: an answer that came later would be of no use. */
  #timeout(): number {
    return Math.max(1, Math.min(REQUEST_MS, this.left()));
  }
}
