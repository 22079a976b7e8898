/**
 * The headers that stand in every answer. `X-Lockd-Id` names the lock directory, or the cluster: a client with several addresses
 * sees by it that two of them lead to daemons which know nothing of each other. `X-Lockd-Leader` stands where another member of
 * the cluster leads, and says where that one is called.
 */
import { type ClusterMember, leaderElsewhere } from './leader.js';

export class AnswerHeaders {
  // Built when the leader changes: the answer to a call is what a daemon writes all day.
  #leader: string | undefined;
  #common: readonly string[] = [];
  #xml: readonly string[] = [];

  constructor(
    private readonly id: string | undefined,
    private readonly member: ClusterMember | undefined,
  ) {
    this.#build(undefined);
  }

  /** A flat list of names and values, as they are at this moment. */
  get common(): readonly string[] {
    this.#look();
    return this.#common;
  }

  /** Those of the answer to an XML-RPC call. */
  get xml(): readonly string[] {
    this.#look();
    return this.#xml;
  }

  #look(): void {
    const leader = this.member && leaderElsewhere(this.member);
    if (leader !== this.#leader) this.#build(leader);
  }

  #build(leader: string | undefined): void {
    this.#leader = leader;
    this.#common = [
      ...(this.id === undefined ? [] : ['X-Lockd-Id', this.id]),
      ...(leader === undefined ? [] : ['X-Lockd-Leader', leader]),
    ];
    this.#xml = [...this.#common, 'Content-Type', 'text/xml; charset=utf-8'];
  }
}
