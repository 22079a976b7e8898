/**
 * Members of a cluster, of which one leads: what one that does not lead says of that over HTTP. Every answer of its names the
 * leader, in `X-Lockd-Leader`; who asks for what only the leader has, and is ready to follow, is sent on there.
 */
import { notLeaderText } from '../core/refusals.js';
import type { Problem } from './problems.js';
import { type CallRequest, type PageRequest, pathOf, queryOf } from './request-checks.js';

/** A daemon that is a member of a cluster. */
export interface ClusterMember {
  /** Where it can be called from other machines. */
  readonly url: string;
  readonly leader: Leader;
}

/** Who leads, as far as this member knows. */
export interface Leader {
  /** Whether calls are answered here. */
  readonly isUs: boolean;
  /** Where it is called; absent where none is known. */
  readonly url?: string | undefined;
}

/** Where calls are taken. */
const CALL_PATH = '/RPC2';

/** All that may stand in a header and in a URL, without a user. What stands in the store may have been written by anybody. */
const ADDRESS = /^https?:\/\/[!-?A-~]+$/;

/** Where the leader is called, if that is another daemon; without a slash at its end. */
export function leaderElsewhere({ url: ours, leader }: ClusterMember): string | undefined {
  const { isUs, url } = leader;
  // Its own is that of a term before it started anew.
  if (isUs || url === undefined || url === ours || !ADDRESS.test(url)) return undefined;
  return url.replace(/\/$/, '');
}

/** Why a request is sent on to the leader; undefined where this daemon answers it, as all do that are no members. */
export function sentOn(
  member: ClusterMember | undefined,
  url: string,
  asked: CallRequest | PageRequest,
): Problem | undefined {
  const target = !member || member.leader.isUs ? undefined : targetOf(url, asked);
  if (!member || target === undefined) return undefined;
  const leader = leaderElsewhere(member);
  const detail = notLeaderText({ member: member.url, leader });
  if (leader === undefined) return { name: 'noLeader', detail };
  return { name: 'leaderElsewhere', detail, location: `${leader}${target}` };
}

/**
 * What to ask the leader for. Calls are sent on only where `?follow` says that their sender follows: clients of XML-RPC know no
 * answer but status 200, and get the refusal as a fault.
 */
function targetOf(url: string, asked: CallRequest | PageRequest): string | undefined {
  const query = queryOf(url);
  if (asked.kind === 'page') return asked.page.isOfLeader ? pathOf(url) + query : undefined;
  return new URLSearchParams(query).has('follow') ? `${CALL_PATH}${query}` : undefined;
}
