/** What became of each fault: who was hit, and how long nothing was changed. */
import type { Violation } from '../history/history.js';
import type { Fault } from './faults.js';
import type { RecordedCall } from './recorder.js';
import { type CutOff, isChange, longestSilence } from './rules.js';

/** One fault that happened. Moments are those of `performance.now()`. */
export interface Event {
  readonly fault: Fault;
  /** Address of the daemon of the node that it hit. */
  readonly target: string;
  /** That of who led before; undefined where nobody was seen to. */
  readonly leader: string | undefined;
  /** Whether that was hit. */
  readonly hitLeader: boolean;
  readonly hitEtcdLeader: boolean;
  readonly began: number;
  /** When it was put right. */
  readonly ended: number;
  /** When changes were answered again. */
  readonly over: number;
}

/** An event, and how the cluster came through. */
export interface Story extends Event {
  /** The longest time in which no change was answered. */
  readonly silenceMs: number;
  /** From its beginning to the first change that another daemon answered than the one that led before; absent: none did. */
  readonly failoverMs?: number;
}

/** Milliseconds within which changes are answered again after a fault that leaves a majority. */
export const FAILOVER_MS = 10_000;

/** The same where etcd, or every daemon, has to come back first: from when it is put right. */
export const RECOVERY_MS = 30_000;

export function storyOf(event: Event, calls: readonly RecordedCall[]): Story {
  const { began, over, leader } = event;
  const silenceMs = longestSilence(calls, began, over);
  const first = calls.find((call) => {
    const { daemon, started, ended = over } = call;
    return started >= began && ended < over && isChange(call) && daemon !== leader;
  });
  return { ...event, silenceMs, ...(first?.ended === undefined ? {} : { failoverMs: first.ended - began }) };
}

/** Whether changes were answered again in time. */
export function checkSilence(story: Story): Violation[] {
  const { fault, silenceMs, began, ended } = story;
  const most = fault.hasMajority ? FAILOVER_MS : ended - began + RECOVERY_MS;
  if (silenceMs < most) return [];
  const text = `${describeEvent(story)}: no change was answered for ${seconds(silenceMs)}`;
  return [{ rule: 'silence', at: began + silenceMs, text }];
}

/** Who could not reach etcd, and when. */
export function cutOffs(events: readonly Event[]): CutOff[] {
  return events
    .filter(({ fault }) => fault.reach === 'cut')
    .map(({ target, began, ended }) => ({ daemon: target, from: began, to: ended }));
}

/** What happened, and to whom, for people. */
export function describeEvent({ fault, target, hitLeader, hitEtcdLeader }: Event): string {
  const roles = [hitLeader ? 'the leader' : 'a follower', ...(hitEtcdLeader ? ["etcd's leader"] : [])];
  return `${fault.name} (${new URL(target).hostname}, ${roles.join(', ')})`;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
