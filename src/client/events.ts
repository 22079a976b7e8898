/**
 * Follows what happens at a daemon. A stream that is cut is opened again, at any address of the cluster, behind the event that
 * was handed out last: nothing is missed, nothing comes twice, and whoever follows is told that it was cut, and when it stands
 * again.
 */
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventNotice, EventsOptions, LockEvent } from '../service/api.js';
import type { Calls, EventsAnswer } from './calls.js';
import { NoDaemon, RefusedCall } from './errors.js';
import { EventStreamParser } from './event-stream-parser.js';
import { otherVersion, streamCut } from './failures.js';
import type { Abortable } from './granting.js';
import { UnexpectedAnswer } from './members.js';
import { readEvent } from './read-event.js';

/** Milliseconds without a byte after which nobody is believed to be there: a daemon says something every 15 s. */
const SILENCE_MS = 40_000;

/** Seconds before the first try to come back, and at most; each further pause is twice as long. */
const FIRST_PAUSE_SECONDS = 0.1;
const LONGEST_PAUSE_SECONDS = 5;

export interface ClientEventsOptions extends Omit<EventsOptions, 'from' | 'to'>, Abortable {
  /** Told when the stream is cut, once until it stands again, which `ready` says: it is opened again by itself. */
  readonly onCut?: (error: Error) => void;
}

/** What a stream tells of itself, and what happens. */
export type StreamItem = EventNotice | LockEvent;

/**
 * What happens, in order and each event once; never ends by itself. `ready` comes first, and again each time the stream stands
 * again after a cut; `gap` where something is not kept any more. Rejects as calls do while it could not be opened at all, later
 * only with what does not pass by itself; on the signal with its reason. Who reads slowly is cut off, and comes back.
 */
export async function* followEvents(
  calls: Calls,
  query: URLSearchParams,
  { after, onCut = () => undefined }: ClientEventsOptions,
  signal: AbortSignal,
): AsyncGenerator<StreamItem, never> {
  let position = after;
  let wasOpen = false;
  for (let failures = 0; ; failures += 1) {
    try {
      const answer = await calls.events(query, position, signal);
      for await (const { item, id } of messagesOf(answer, signal)) {
        wasOpen = true;
        failures = 0;
        // A gap at the very beginning has none yet: back to where it was found.
        position = id || position;
        if (item) yield item;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!wasOpen || !passes(error)) throw error;
      if (failures === 0) onCut(error);
    }
    await pause(pauseSeconds(failures) * 1_000, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** What is asked for, as the parameters of `/events`. */
export function eventsQuery({
  include,
  ...texts
}: { readonly [Name in 'prefix' | 'resource' | 'client']?: string | undefined } & Pick<
  EventsOptions,
  'include'
>): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ['prefix', 'resource', 'client'] as const) {
    const text = texts[name];
    if (text !== undefined) query.set(name, text);
  }
  if (include !== undefined && include.length > 0) query.set('include', include.join(','));
  return query;
}

function pauseSeconds(failures: number): number {
  const seconds = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** failures);
  // Not all at once, of those that were cut together.
  return seconds * (0.8 + 0.4 * Math.random());
}

/** Nobody answers, or a proxy does instead, or the daemon is just stopping or starting. */
function passes(error: unknown): error is Error {
  if (error instanceof RefusedCall) return error.refusal === 'unavailable';
  return error instanceof NoDaemon;
}

interface Message {
  /** Undefined where there is only a newer id. */
  readonly item: StreamItem | undefined;
  /** Behind this one to go on; empty where none came yet. */
  readonly id: string;
}

/** The messages of a stream until it ends; always throws then. */
async function* messagesOf({ url, stream }: EventsAnswer, signal: AbortSignal): AsyncGenerator<Message> {
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  let id = '';
  for await (const bytes of piecesOf(stream, url, signal)) {
    const text = decoder.decode(bytes, { stream: true });
    for (const message of understood(url, () => parser.push(text))) {
      const item = understood(url, () => readEvent(message));
      if (!item) throw streamCut(url, 'it stops');
      ({ id } = message);
      yield { item, id };
    }
    if (parser.lastId !== id) {
      id = parser.lastId;
      yield { item: undefined, id };
    }
  }
  throw streamCut(url, 'it ended the connection');
}

function understood<T>(url: URL, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnexpectedAnswer)) throw error;
    throw otherVersion(url, '/events', error.message);
  }
}

/** What comes, until nothing has come for too long. Time that is taken over a piece does not count. */
async function* piecesOf(stream: Readable, url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const silence = new Error('nothing came for too long');
  const listen = () => setTimeout(() => stream.destroy(silence), SILENCE_MS);
  let timer = listen();
  try {
    for await (const bytes of stream as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      yield bytes;
      timer = listen();
    }
  } catch (error) {
    signal.throwIfAborted();
    // In Node's words a connection that ends in the middle was `aborted`.
    throw streamCut(url, error === silence ? silence.message : 'the connection was cut');
  } finally {
    // The loop has destroyed the stream, however it ended.
    clearTimeout(timer);
  }
}
