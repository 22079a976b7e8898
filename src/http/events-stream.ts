/**
 * One stream of events to one peer. What happened before goes out at the pace of who reads it; what happens goes out at once,
 * and who does not take it is cut off: it comes back with the id of what it read last, and has missed nothing.
 */
import type { ServerResponse } from 'node:http';
import type { Following, Told } from '../service/feed-following.js';
import { BYE_TEXT, encodeEvents, heartbeatText, noticeText } from './events-text.js';
import { MAX_UNREAD_BYTES } from './limits.js';

export interface EventsStreamOptions {
  readonly response: ServerResponse;
  readonly following: Following;
  /** Milliseconds. */
  readonly heartbeatMs: number;
  /** Milliseconds in which what happened before must be taken, a page at a time. */
  readonly answerMs: number;
}

/** The peer does not take what it is sent. */
export class SlowReader extends Error {
  override readonly name = 'SlowReader';
}

/** Sends until the feed ends or `following` is closed; resolves then. Rejects with `SlowReader`, or as `following` does. */
export async function sendEvents({
  response,
  following,
  heartbeatMs,
  answerMs,
}: EventsStreamOptions): Promise<void> {
  const stream = new EventsStream(response, following);
  const timer = setInterval(() => stream.beat(), heartbeatMs);
  try {
    for (;;) {
      const told = await following.next();
      if (!told) break;
      stream.send(told);
      if (following.isCatchingUp) await stream.taken(answerMs);
    }
  } finally {
    clearInterval(timer);
  }
  response.end(BYE_TEXT);
}

class EventsStream {
  #toldPosition: string | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly following: Following,
  ) {}

  send(told: readonly Told[]): void {
    for (const one of told) {
      if ('notice' in one) this.#write(noticeText(one.notice));
      else this.#write(encodeEvents(one.events));
    }
  }

  /** Who is told of little learns in between up to where it has missed nothing, so that it need not come back to long ago. */
  beat(): void {
    const { position } = this.following;
    const isNews = position !== this.#toldPosition;
    this.#toldPosition = position;
    try {
      this.#write(heartbeatText(isNews ? position : undefined));
    } catch {
      this.response.destroy();
    }
  }

  /** Resolves when all that was sent is taken, or the peer is gone. */
  taken(withinMs: number): Promise<void> {
    const { response } = this;
    if (!response.writableNeedDrain || response.destroyed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const forget = () => {
        clearTimeout(timer);
        response.off('drain', done).off('close', done);
      };
      const done = () => {
        forget();
        resolve();
      };
      const timer = setTimeout(() => {
        forget();
        reject(new SlowReader(`it did not take what happened before within ${withinMs / 1_000} s`));
      }, withinMs);
      response.once('drain', done).once('close', done);
    });
  }

  #write(piece: string | Buffer): void {
    if (this.response.destroyed) return;
    const { writableLength } = this.response;
    if (writableLength > MAX_UNREAD_BYTES) {
      throw new SlowReader(`${writableLength.toLocaleString('en')} bytes of events wait to be taken`);
    }
    this.response.write(piece);
  }
}
