/** Reads a stream of events from a socket, byte by byte as a client would that knows nothing of lockd. */
import { request } from 'node:http';
import { onTestFinished } from 'vitest';
import { EventStreamParser, type StreamedEvent } from '../../src/client/event-stream-parser.js';

export interface ReaderOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly socketPath?: string;
}

export class EventReader {
  status = 0;
  headers: Readonly<Record<string, unknown>> = {};
  /** All text so far. */
  text = '';
  readonly events: StreamedEvent[] = [];
  /** Whether the answer ended as a whole; undefined while it goes on. */
  ended: 'whole' | 'cut' | undefined;
  readonly #parser = new EventStreamParser();
  readonly #request: ReturnType<typeof request>;
  #watch: () => void = () => undefined;

  constructor(url: string, path: string, { headers = {}, method = 'GET', socketPath }: ReaderOptions = {}) {
    const target = new URL(path, url.startsWith('unix:') ? 'http://localhost' : url);
    this.#request = request(target, { method, headers, agent: false, ...(socketPath ? { socketPath } : {}) });
    const finish = (how: 'whole' | 'cut') => {
      this.ended ??= how;
      this.#watch();
    };
    this.#request.on('error', () => finish('cut')).on('close', () => finish('cut'));
    this.#request.on('response', (response) => {
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        this.text += text;
        this.events.push(...this.#parser.push(text));
        this.#watch();
      });
      response.on('end', () => finish('whole')).on('error', () => finish('cut'));
      this.#watch();
    });
    this.#request.end();
    onTestFinished(() => void this.close());
  }

  /** The newest id, also one without an event. */
  get lastId(): string {
    return this.#parser.lastId;
  }

  /** `ID NAME RESOURCE`, or `ID NAME` of what tells of the stream itself. */
  get lines(): string[] {
    return this.events.map(({ event, data }) => {
      const { id = '-', resource } = JSON.parse(data) as { id?: string; resource?: string };
      return resource === undefined ? `${id} ${event}` : `${id} ${event} ${resource}`;
    });
  }

  /** Resolves when `isThere` holds; rejects when the answer ends before. */
  async until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      if (this.ended) throw new Error(`ended (${this.ended}) after ${JSON.stringify(this.text.slice(-500))}`);
      await new Promise<void>((resolve) => {
        this.#watch = resolve;
      });
    }
  }

  async end(): Promise<'whole' | 'cut'> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#watch = resolve;
      });
    }
    return this.ended;
  }

  close(): void {
    this.#request.destroy();
  }
}
