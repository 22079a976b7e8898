/**
 * A server on a random port with a service that nobody should ask and calls that are answered by the test. Everything is
 * closed after each test.
 */
import { afterEach } from 'vitest';
import {
  type HandleCall,
  type HttpCallContext,
  type HttpEvent,
  type HttpServer,
  type ListenOptions,
  listen,
} from '../../src/http/server.js';
import type { Health, LockService } from '../../src/service/api.js';
import { Wire } from './wire.js';

/** A call as `handleCall` saw it. */
export interface SeenCall {
  readonly body: string;
  readonly charset: string | undefined;
  readonly context: HttpCallContext;
  /** Answers it; only where the test answers by hand. */
  readonly answer: (body: string) => void;
  readonly fail: (error: Error) => void;
}

export interface Fixture {
  readonly server: HttpServer;
  readonly url: string;
  readonly calls: SeenCall[];
  readonly events: HttpEvent[];
  /** Resolves when so many calls have been seen. */
  seen(count: number): Promise<void>;
  /** A new connection. */
  wire(host?: string): Promise<Wire>;
}

const opened: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

export function fakeService(health: Health = { status: 'ok', problems: [] }): LockService {
  const unasked = () => Promise.reject(new Error('nobody should have asked'));
  return {
    lock: unasked,
    enqueue: unasked,
    wait: unasked,
    cancel: unasked,
    unlock: unasked,
    renew: unasked,
    extend: unasked,
    update: unasked,
    check: unasked,
    forceUnlock: unasked,
    confirmFenced: unasked,
    status: unasked,
    list: unasked,
    history: unasked,
    stats: unasked,
    health: () => health,
    readiness: () => ({ status: 'ready', problems: [] }),
  };
}

interface FixtureOptions extends Partial<ListenOptions> {
  /** Calls wait for `SeenCall.answer`; otherwise each is answered at once with `<BODY>`. */
  readonly byHand?: boolean;
}

export async function serve({ byHand = false, ...options }: FixtureOptions = {}): Promise<Fixture> {
  const calls: SeenCall[] = [];
  const events: HttpEvent[] = [];
  const watchers: (() => void)[] = [];
  const handleCall: HandleCall = (bytes, charset, _service, context) =>
    new Promise((answer, fail) => {
      const body = Buffer.from(bytes).toString();
      calls.push({ body, charset, context, answer, fail });
      if (!byHand) answer(`<${body}>`);
      for (const watch of watchers) watch();
    });
  const server = await listen({
    service: fakeService(),
    handleCall,
    addresses: [{ host: '127.0.0.1', port: 0 }],
    log: (event) => events.push(event),
    ...options,
  });
  opened.push(() => server.close());
  const url = server.urls[0] ?? '';
  return {
    server,
    url,
    calls,
    events,
    seen: (count) =>
      new Promise((resolve) => {
        const watch = () => calls.length >= count && resolve();
        watchers.push(watch);
        watch();
      }),
    async wire(host) {
      const wire = await Wire.to(url, host);
      opened.push(() => void wire.socket.destroy());
      return wire;
    },
  };
}

/** Waits until `condition` holds, looking once per turn of the loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
