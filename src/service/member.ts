/**
 * One of several daemons on one prefix of etcd: a follower until it wins the leadership, then it serves one term, and is a
 * follower again when the term is over. As leader it passes every call on to the `Lockd` of its term; as follower it
 * knows nothing of any lock, does nothing, and says who leads. How a term is won and ends: terms.ts.
 */
import type { Enqueued, Hold } from '../core/answers.js';
import type { Limits } from '../core/limits.js';
import { Refusal, type Refused } from '../core/refusals.js';
import type {
  CallContext,
  ConfirmFencedOptions,
  EnqueueOptions,
  EventsOptions,
  ExtendOptions,
  FileStatus,
  ForceUnlockOptions,
  Health,
  HistoryEvent,
  HistoryOptions,
  ListOptions,
  LockOptions,
  LockService,
  Readiness,
  RenewOptions,
  Stats,
  UnlockOptions,
  UpdateOptions,
  WaitOptions,
} from './api.js';
import type { EventStream } from './event-stream.js';
import type { Following } from './feed-following.js';
import type { Lockd } from './lockd.js';
import type { Leader, MemberOptions } from './member-options.js';
import type { Gauges, Meters } from './meters.js';
import { type OpenMember, openMember } from './open-member.js';

export type { Leader, MemberOptions } from './member-options.js';

const NOTHING: Gauges = { held: 0, waiting: 0, fencing: 0, journalBytes: 0, eventStreams: 0 };

export class Member implements LockService {
  #closing: Promise<void> | undefined;

  private constructor(private readonly parts: OpenMember) {}

  /**
   * Claims the directory for the member's whole life, and learns the id of the prefix (or gives it one). It does not stand
   * for leader yet: see `stand`. Where etcd does not answer it is asked again for 30 s.
   *
   * Rejects with `StartRefused`, whose text says what to do: the directory belongs to another daemon, is no safe place,
   * has a journal of its own, or was used with another prefix; etcd cannot be reached; the settings cannot work.
   */
  static async open(options: MemberOptions): Promise<Member> {
    return new Member(await openMember(options));
  }

  /** From now on it stands for leader; to be called once, when clients can reach its URL. */
  stand(): void {
    this.parts.terms.start();
  }

  /**
   * Settles when the process must end at once and answer nobody: the directory was taken away, the prefix was deleted in
   * etcd, or there is a defect. That a term ends is no reason.
   */
  get failed(): Promise<Error> {
    return this.parts.terms.failed;
  }

  /** What is counted since the start of the process, through all terms. */
  get meters(): Meters {
    return this.parts.meters;
  }

  get limits(): Limits {
    return this.parts.limits;
  }

  /** What an operator should know about the directory, one sentence each. */
  get warnings(): readonly string[] {
    return this.parts.warnings;
  }

  /** Absolute path of the directory. */
  get directory(): string {
    return this.parts.directory;
  }

  /** Names the prefix for ever; every member answers with it, whether it leads or not. */
  get id(): string {
    return this.parts.id;
  }

  /** Where clients reach this member. */
  get url(): string {
    return this.parts.url;
  }

  /** Who leads, as far as this member knows at this moment; nobody is asked for it. */
  get leader(): Leader {
    return this.parts.terms.leader;
  }

  lock(resource: string, client: string, options?: LockOptions, context?: CallContext): Promise<Hold> {
    return this.#ask((lockd) => lockd.lock(resource, client, options, context));
  }

  enqueue(
    resource: string,
    client: string,
    options?: EnqueueOptions,
    context?: CallContext,
  ): Promise<Enqueued> {
    return this.#ask((lockd) => lockd.enqueue(resource, client, options, context));
  }

  wait(
    resource: string,
    client: string,
    seconds: number,
    options?: WaitOptions,
    context?: CallContext,
  ): Promise<Hold> {
    return this.#ask((lockd) => lockd.wait(resource, client, seconds, options, context));
  }

  cancel(resource: string, client: string, context?: CallContext): Promise<true> {
    return this.#ask((lockd) => lockd.cancel(resource, client, context));
  }

  unlock(resource: string, client: string, options?: UnlockOptions, context?: CallContext): Promise<true> {
    return this.#ask((lockd) => lockd.unlock(resource, client, options, context));
  }

  renew(resource: string, client: string, options?: RenewOptions, context?: CallContext): Promise<Hold> {
    return this.#ask((lockd) => lockd.renew(resource, client, options, context));
  }

  extend(
    resource: string,
    client: string,
    seconds: number,
    options?: ExtendOptions,
    context?: CallContext,
  ): Promise<Hold> {
    return this.#ask((lockd) => lockd.extend(resource, client, seconds, options, context));
  }

  update(resource: string, client: string, options?: UpdateOptions, context?: CallContext): Promise<Hold> {
    return this.#ask((lockd) => lockd.update(resource, client, options, context));
  }

  check(resource: string, token: string | number, context?: CallContext): Promise<boolean> {
    return this.#ask((lockd) => lockd.check(resource, token, context));
  }

  forceUnlock(resource: string, options: ForceUnlockOptions, context?: CallContext): Promise<true> {
    return this.#ask((lockd) => lockd.forceUnlock(resource, options, context));
  }

  confirmFenced(resource: string, options: ConfirmFencedOptions, context?: CallContext): Promise<true> {
    return this.#ask((lockd) => lockd.confirmFenced(resource, options, context));
  }

  status(resource: string, context?: CallContext): Promise<FileStatus> {
    return this.#ask((lockd) => lockd.status(resource, context));
  }

  list(options?: ListOptions): Promise<FileStatus[]> {
    return this.#ask((lockd) => lockd.list(options));
  }

  history(options?: HistoryOptions): Promise<HistoryEvent[]> {
    return this.#ask((lockd) => lockd.history(options));
  }

  stats(): Promise<Stats> {
    return this.#ask(async (lockd) => ({ ...(await lockd.stats()), leader: this.url }));
  }

  /** As `Lockd.events`; it ends with the term. Throws `BadParameter`, and `Refusal` (unavailable) on a follower. */
  events(options?: EventsOptions): EventStream {
    return this.#leading().events(options);
  }

  /** As `Lockd.follow`; it ends with the term. Throws `BadParameter`, and `Refusal` (unavailable) on a follower. */
  follow(options: EventsOptions): Following {
    return this.#leading().follow(options);
  }

  /** A follower is healthy while etcd answers it; whoever leads has the store's and the lock files' problems too. */
  health(): Health {
    const { lockd, problems } = this.parts.terms;
    const all = [...problems, ...(lockd?.health().problems ?? [])];
    return { status: all.length > 0 ? 'degraded' : 'ok', problems: all };
  }

  /** Only the leader is ready: a load balancer finds it by that. The problem of a follower is what its refusals say. */
  readiness(): Readiness {
    const { lockd } = this.parts.terms;
    return lockd
      ? lockd.readiness()
      : { status: 'notReady', problems: [new Refusal(this.#notLeading()).message] };
  }

  /** Nothing on a follower. */
  gauges(): Gauges {
    return this.parts.terms.lockd?.gauges() ?? NOTHING;
  }

  /**
   * Stops in good order: the leader answers what waits and resigns, so that another leads within a second; then the directory
   * is given back.
   */
  close(): Promise<void> {
    this.#closing ??= this.parts.close();
    return this.#closing;
  }

  async #ask<Answer>(call: (lockd: Lockd) => Promise<Answer>): Promise<Answer> {
    return call(this.#leading());
  }

  /** @throws Refusal on a follower. */
  #leading(): Lockd {
    const { lockd } = this.parts.terms;
    if (lockd) return lockd;
    this.meters.refused('unavailable');
    throw new Refusal(this.#notLeading());
  }

  #notLeading(): Refused {
    if (this.#closing) return { refusal: 'unavailable', details: { problem: 'The daemon is stopping' } };
    const [why] = this.parts.terms.problems;
    return { refusal: 'unavailable', details: { member: this.url, leader: this.leader.url, why } };
  }
}
