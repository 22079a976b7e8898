/**
 * How a member comes to lead: it looks at the leader's key again and again; where there is none it stands for it. One
 * transaction decides among all who do. Whether one whose outcome is unknown was done, the next look tells.
 */
import { type KeyValue, type Kv, KvError } from '../etcd/kv.js';
import type { Keys } from '../store/etcd/keys.js';
import { Candidacy, LEASE_SECONDS } from './candidacy.js';
import { type ClusterClock, elapsedSince, type Moment, readMoment } from './clock.js';
import { type Contact, PATIENCE_MS } from './contact.js';
import { readLeader, writeLeader } from './leader-value.js';
import { assertSameId, type PrefixChanged, Revisions } from './prefix-id.js';
import { Term } from './term.js';

/** Milliseconds between two looks: how much later than possible a follower begins to lead. */
const LOOK_MS = 500;

/** Milliseconds for one request. */
const REQUEST_MS = 1_500;

/** Milliseconds for which the last look counts where no further one succeeds: by then another may lead. */
const KNOWN_MS = 2 * LEASE_SECONDS * 1_000;

/** Milliseconds after which somebody else under our URL is no predecessor of ours, whose lease would have ended. */
const TWIN_MS = 3 * LEASE_SECONDS * 1_000;

export interface ElectionOptions {
  readonly kv: Kv;
  readonly keys: Keys;
  readonly clock: ClusterClock;
  /** Of the prefix. */
  readonly id: string;
  /** Where clients reach us. */
  readonly url: string;
  /** Where etcd is, for texts. */
  readonly store: string;
  readonly contact: Contact;
  /** Makes the name of a candidacy: random, never the same twice. */
  readonly makeName: () => string;
  /** Called when `leaderUrl` may have changed. */
  readonly onLook: () => void;
  /** The prefix is not the one that it was; in a term. */
  readonly onPrefixChanged: (error: PrefixChanged) => void;
}

/** What stood at the leader's key when it was last looked at. */
interface Seen {
  readonly at: Moment;
  /** When this very key was first seen. */
  readonly first: Moment;
  readonly key: KeyValue;
}

export class Election {
  #seen: Seen | undefined;
  /** What we stand with. Kept while the outcome of a try is unknown: what comes late is ours then, and not a stranger's. */
  #candidacy: Candidacy | undefined;
  /** That of the last term: should its lease still live, it is not to be waited for. */
  #last: Candidacy | undefined;
  /** Why standing for it does not work, and since when. */
  #refused: { readonly since: Moment; readonly message: string } | undefined;
  #isClosed = false;
  #wake: () => void = () => undefined;
  readonly #revisions: Revisions;

  constructor(private readonly options: ElectionOptions) {
    this.#revisions = new Revisions(options.keys);
  }

  /** Where the leader is reached; undefined where none is known that is not us. */
  get leaderUrl(): string | undefined {
    const { clock, url } = this.options;
    if (!this.#seen || elapsedSince(this.#seen.at, clock) > KNOWN_MS) return undefined;
    const leader = readLeader(this.#seen.key.value);
    return leader && leader.url !== url ? leader.url : undefined;
  }

  /** What an operator should know of what was seen, one sentence each. */
  get problems(): readonly string[] {
    const { keys, clock, url } = this.options;
    if (!this.#seen) return this.#unelected();
    const { key, first } = this.#seen;
    const leader = readLeader(key.value);
    if (!leader || key.lease === undefined) {
      return [
        `What stands at ${keys.leader} in etcd was not put there by a lockd, and nobody can lead; ` +
          `delete it: etcdctl del ${keys.leader}`,
      ];
    }
    if (leader.url !== url || elapsedSince(first, clock) < TWIN_MS) return [];
    return [
      `Another daemon leads under the URL of this one, ${url}: give each an --advertise-url of its own`,
    ];
  }

  /**
   * Resolves with a term once this member leads; undefined when it was closed. It does not stand before `pauseMs` are over, so
   * that another may. Rejects with `PrefixChanged`. To be called again when the term is over, and not before.
   */
  async win(pauseMs = 0): Promise<Term | undefined> {
    const { clock } = this.options;
    const standsAt = clock.monotonic() + pauseMs;
    try {
      while (!this.#isClosed) {
        const term = await this.#try(standsAt);
        if (term && !this.#isClosed) return term;
        await term?.resign();
        await this.#pause();
      }
      return undefined;
    } finally {
      await this.#withdraw();
    }
  }

  /** Ends `win`, and what was stood for. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  async #try(standsAt: number): Promise<Term | undefined> {
    const { clock, contact } = this.options;
    let leader: KeyValue | undefined;
    try {
      leader = await this.#look();
      contact.answered();
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      contact.failed(error);
      return undefined;
    }
    if (!leader && (clock.monotonic() < standsAt || this.#isClosed)) return undefined;
    try {
      const term = leader ? await this.#meet(leader) : await this.#stand();
      this.#refused = undefined;
      return term;
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      this.#refused = { since: this.#refused?.since ?? readMoment(clock), message: error.message };
      return undefined;
    }
  }

  /** A full etcd answers whoever looks, and lets nobody be elected. */
  #unelected(): string[] {
    const { clock } = this.options;
    if (!this.#refused || elapsedSince(this.#refused.since, clock) < PATIENCE_MS) return [];
    return [`There is no leader, and this daemon cannot be elected: ${this.#refused.message}`];
  }

  async #look(): Promise<KeyValue | undefined> {
    const { kv, keys, id, clock, onLook } = this.options;
    const { found, revision } = await kv.transact(
      {
        compare: [],
        success: [
          { kind: 'get', key: keys.id },
          { kind: 'get', key: keys.leader },
        ],
      },
      REQUEST_MS,
    );
    const key = found[1]?.[0];
    const at = readMoment(clock);
    const isSame = key !== undefined && this.#seen?.key.createRevision === key.createRevision;
    this.#seen = key && { at, first: isSame ? (this.#seen?.first ?? at) : at, key };
    onLook();
    assertSameId(keys, id, found[0]?.[0]?.value);
    this.#revisions.assertNotBefore(revision);
    return key;
  }

  /** Somebody stands at the leader's key: ourselves, where a try was done of which we had heard nothing. */
  async #meet(leader: KeyValue): Promise<Term | undefined> {
    const candidacy = this.#candidacy;
    if (candidacy?.isIn(leader)) {
      const renewal = await candidacy.ask(REQUEST_MS);
      if (!renewal) return undefined;
      candidacy.renewed(renewal);
      return this.#begin(candidacy, leader.createRevision);
    }
    await this.#withdraw();
    if (this.#last?.isIn(leader)) await this.#last.withdraw(REQUEST_MS);
    return undefined;
  }

  async #stand(): Promise<Term | undefined> {
    const { kv, keys, id, url } = this.options;
    const candidacy = await this.#renewed();
    const value = writeLeader({ url, candidacy: candidacy.name });
    const { succeeded, found, revision } = await kv.transact(
      {
        compare: [{ key: keys.leader, createRevision: 0 }],
        success: [
          { kind: 'put', key: keys.leader, value, lease: candidacy.lease },
          { kind: 'get', key: keys.id },
        ],
      },
      REQUEST_MS,
    );
    // Whoever was quicker is met at the next look.
    if (!succeeded) return undefined;
    assertSameId(keys, id, found[1]?.[0]?.value);
    return this.#begin(candidacy, revision);
  }

  /** Our candidacy with its lease begun anew, or a new one where there is none, or none any more. */
  async #renewed(): Promise<Candidacy> {
    const { kv, clock, makeName } = this.options;
    const renewal = await this.#candidacy?.ask(REQUEST_MS);
    if (renewal && this.#candidacy) {
      this.#candidacy.renewed(renewal);
    } else {
      this.#candidacy = undefined;
      this.#candidacy = await Candidacy.begin(kv, clock, makeName(), REQUEST_MS);
    }
    return this.#candidacy;
  }

  #begin(candidacy: Candidacy, createRevision: number): Term {
    this.#candidacy = undefined;
    this.#last = candidacy;
    this.#seen = undefined;
    return new Term({ ...this.options, candidacy, createRevision });
  }

  async #withdraw(): Promise<void> {
    const candidacy = this.#candidacy;
    this.#candidacy = undefined;
    await candidacy?.withdraw(REQUEST_MS);
  }

  #pause(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const callOff = this.options.clock.after(LOOK_MS, resolve);
      this.#wake = () => {
        callOff();
        resolve();
      };
    });
  }
}
