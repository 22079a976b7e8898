/**
 * Follows what happens at the daemon, by a stream that is opened again whenever it is cut: from the last event that came, so
 * that none is missing. Read by `fetch`, because an `EventSource` cannot show who asks.
 */
import { retryMs } from './backoff.js';
import { EventStreamParser, type StreamedEvent } from './event-stream-parser.js';
import { NotLeading } from './leader.js';
import type { Session } from './session.js';
import { askWhoLeads } from './who-leads.js';

/** What is asked of the stream, as the parameters of `/events`. */
export type FeedFilter = Readonly<Record<string, string | undefined>>;

export type FeedState = { readonly kind: 'connecting' } | { readonly kind: 'live' } | FeedCut;

export interface FeedCut {
  readonly kind: 'cut';
  /** When the stream was cut. */
  readonly since: Date;
  /** A sentence without its full stop. */
  readonly problem: string;
  /** Where the leader is, if the daemon said that it is none. */
  readonly leader: URL | undefined;
  readonly retryAt: number;
}

/** What happened to a lock, as the stream tells it. */
export interface FeedEvent {
  /** Absent for what is not in the history. */
  readonly id?: string;
  readonly time: string;
  readonly event: string;
  readonly resource: string;
  readonly client: string;
  readonly token?: string;
  readonly by?: string;
  readonly reason?: string;
}

export interface FeedListener {
  onState(state: FeedState): void;
  /**
   * From here on everything is told; what came before is to be read again. `isResumed`: what is in the history and came since
   * the stream was cut is told, too.
   */
  onReady(isResumed: boolean): void;
  onEvent(event: FeedEvent): void;
  /** The daemon does not know who asks. */
  onSignedOut(message: string): void;
  /** Another daemon answers at this address, with other locks: nothing that was read before holds there. */
  onOtherDaemon(): void;
}

/** Milliseconds without a byte after which nobody is believed to be there: the daemon says something every 15 s. */
const SILENCE_MS = 40_000;

export class EventFeed {
  #filter: FeedFilter | undefined;
  #state: FeedState = { kind: 'connecting' };
  #lastId = '';
  /** Of the lock directory, by `X-Lockd-Id`. */
  #directory: string | null | undefined;
  #isPaused = false;
  /** The stream goes on where it was cut, and no gap was told of. */
  #isResuming = false;
  #failures = 0;
  #cutSince: Date | undefined;
  #stop = new AbortController();
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly session: Session,
    private readonly listener: FeedListener,
  ) {
    // Sooner than any timer, where the browser knows.
    addEventListener('online', () => this.retryNow());
  }

  /** Follows what the filter asks for; nothing is done where that is followed already. */
  follow(filter: FeedFilter): void {
    if (this.#filter && sameFilter(this.#filter, filter)) {
      this.retryNow();
      return;
    }
    this.#filter = filter;
    // Ids are the same for every filter, but what another filter left out is read anew anyway.
    this.#lastId = '';
    this.#connect();
  }

  /** Ends the stream, and does not come back. */
  close(): void {
    this.#filter = undefined;
    this.#halt();
  }

  /** Does not wait for the next try. */
  retryNow(): void {
    if (this.#state.kind === 'cut') this.reconnect();
  }

  /** Opens the stream anew: the connection may be dead, and nobody told us. */
  reconnect(): void {
    if (this.#filter) this.#connect();
  }

  /**
   * Ends the stream until `resume`: a browser has few connections to one host for all its tabs, and one that nobody sees needs
   * none. What happens meanwhile is not told.
   */
  pause(): void {
    this.#isPaused = true;
    this.#lastId = '';
    this.#halt();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.reconnect();
  }

  #halt(): void {
    clearTimeout(this.#retry);
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  #connect(): void {
    this.#halt();
    if (this.#isPaused) return;
    const { signal } = this.#stop;
    if (this.#state.kind !== 'cut') this.#tell({ kind: 'connecting' });
    this.#read(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#cut(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** Reads the stream to its end. Rejects with why it ended. */
  async #read(signal: AbortSignal): Promise<void> {
    const connection = new AbortController();
    signal.addEventListener('abort', () => connection.abort());
    const silence = new Silence(() => connection.abort());
    this.#isResuming = this.#lastId !== '';
    try {
      const response = await fetch(`/events?${queryOf(this.#filter)}`, {
        headers: { ...this.session.headers, ...(this.#lastId && { 'Last-Event-ID': this.#lastId }) },
        cache: 'no-store',
        credentials: 'omit',
        // Another origin, as which nobody signed in.
        redirect: 'manual',
        signal: connection.signal,
      }).catch((error: Error) => {
        throw silence.isOver || signal.aborted ? error : new Error('The daemon cannot be reached');
      });
      if (response.type === 'opaqueredirect') throw await askWhoLeads(connection.signal);
      if (response.status === 401) return this.listener.onSignedOut((await response.text()).trim());
      if (!response.ok || !response.body) {
        throw new Error(
          `The daemon tells no events (HTTP ${response.status}): ${(await response.text()).trim()}`,
        );
      }
      this.#meet(response.headers.get('X-Lockd-Id'));
      await this.#readPieces(response.body.getReader(), signal, silence);
    } finally {
      silence.end();
    }
    throw new Error('The daemon ended the stream');
  }

  async #readPieces(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal, silence: Silence) {
    const parser = new EventStreamParser();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read().catch((): never => {
        throw new Error(silence.isOver ? 'Nothing was heard of the daemon' : 'The connection was cut');
      });
      if (done || signal.aborted) return;
      silence.restart();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#take(event);
      // A heartbeat may carry one, too.
      if (parser.lastId !== '') this.#lastId = parser.lastId;
    }
  }

  #take({ event, data }: StreamedEvent): void {
    if (event === 'ready') this.#ready();
    else if (event === 'gap') this.#isResuming = false;
    else if (event === 'bye') throw new Error('The daemon is stopping');
    else this.listener.onEvent(JSON.parse(data) as FeedEvent);
  }

  #meet(directory: string | null): void {
    const isOther = this.#directory !== undefined && directory !== this.#directory;
    this.#directory = directory;
    if (!isOther) return;
    this.#isResuming = false;
    this.listener.onOtherDaemon();
  }

  #ready(): void {
    this.#failures = 0;
    this.#cutSince = undefined;
    this.#tell({ kind: 'live' });
    this.listener.onReady(this.#isResuming);
  }

  #cut(error: Error): void {
    const leader = error instanceof NotLeading ? error.leader : undefined;
    this.#failures += 1;
    this.#cutSince ??= new Date();
    const wait = retryMs(this.#failures, Math.random());
    this.#tell({
      kind: 'cut',
      since: this.#cutSince,
      problem: error.message,
      leader,
      retryAt: performance.now() + wait,
    });
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #tell(state: FeedState): void {
    this.#state = state;
    this.listener.onState(state);
  }
}

/** Gives up on a peer that says nothing. */
class Silence {
  /** Nothing was heard for too long. */
  isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly giveUp: () => void) {
    this.restart();
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isOver = true;
      this.giveUp();
    }, SILENCE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function queryOf(filter: FeedFilter = {}): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
  return query;
}

function sameFilter(a: FeedFilter, b: FeedFilter): boolean {
  return queryOf(a).toString() === queryOf(b).toString();
}
