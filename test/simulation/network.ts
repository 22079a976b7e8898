/**
 * The network of a simulation: carries requests from clients to daemons, loses, delays and doubles them, and writes down
 * every call as its client saw it.
 */
import type { Exchange, HttpAnswer, Patience } from '../../src/client/http-exchange.js';
import { Interrupted } from '../../src/client/http-exchange.js';
import type { Peer } from '../../src/service/api.js';
import { type Call, describe, describeOutcome, type Visit } from '../history/history.js';
import type { Process } from './process.js';
import { readCall, readOutcome } from './reading.js';
import type { World } from './world.js';

/** What answers at an address. */
export interface Listener {
  readonly process: Process;
  readonly isListening: boolean;
  /** What the history calls whoever answers at this moment. */
  readonly speaker: string;
  /** Those of an answer that is written at this moment. */
  readonly headers: Readonly<Record<string, string>>;
  /** Answers the body of a call. Rejects where nobody may be answered. */
  handle(body: Uint8Array, peer: Peer): Promise<string>;
}

/** What is the matter with the network. */
export interface Weather {
  delayMs: readonly [least: number, most: number];
  /** Of so many requests one is lost, or its answer, or it comes twice; 0: none. */
  loseRequest: number;
  loseAnswer: number;
  double: number;
  /** No connection comes about, and nothing arrives. */
  isDown: boolean;
}

export const FAIR: Weather = { delayMs: [0.1, 2], loseRequest: 0, loseAnswer: 0, double: 0, isDown: false };

/** One request on its way, as the daemon sees its caller. */
class Arrival implements Peer {
  isGone = false;
  readonly #actions = new Set<() => void>();

  constructor(
    private readonly world: World,
    readonly visit: Visit,
  ) {}

  onGone(action: () => void): () => void {
    const entry = () => action();
    this.#actions.add(entry);
    return () => void this.#actions.delete(entry);
  }

  leave(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.visit.goneAt = this.world.now;
    for (const action of this.#actions) {
      this.#actions.delete(action);
      action();
    }
  }
}

export class Network {
  readonly calls: Call[] = [];
  weather: Weather = { ...FAIR };
  /** Nothing comes from these, and nothing gets to them. */
  readonly isolated = new Set<Process>();
  /** Hosts that no client gets to. */
  readonly unreachable = new Set<string>();
  readonly #listeners = new Map<string, Listener>();
  #onTheirWay = 0;

  constructor(readonly world: World) {}

  /** Whether no request is on its way: one that came twice, or whose client gave up, may arrive seconds later. */
  get isQuiet(): boolean {
    return this.#onTheirWay === 0;
  }

  listen(host: string, listener: Listener): void {
    this.#listeners.set(host, listener);
  }

  /** What a client in this process sends by. */
  exchange(client: Process): Exchange {
    return {
      post: (url, xml, patience) => this.#send(client, url, xml, patience),
      get: () => Promise.reject(new Error('nobody asks for pages here')),
      open: () => Promise.reject(new Error('nobody follows streams here')),
      close: () => undefined,
    };
  }

  #send(client: Process, url: URL, xml: string, patience: Patience): Promise<HttpAnswer> {
    const { world } = this;
    const asked = readCall(xml);
    const call: Call = { ...asked, id: this.calls.length + 1, started: world.now, visits: [] };
    this.calls.push(call);
    world.tell(client.name, `→ ${url.hostname} ${describe(call)}`);
    return new Promise((resolve, reject) => {
      let isOver = false;
      let arrival: { readonly process: Process; readonly peer: Arrival } | undefined;
      /** The client's end of the connection closes; the daemon sees that a while later. */
      const hangUp = () => {
        isOver = true;
        const open = arrival;
        if (open) world.after(this.#delay(), () => open.process.post(() => open.peer.leave()));
      };
      const fail = (sent: boolean, code: string) => {
        if (isOver) return;
        world.tell(client.name, `✗ ${describe(call)}: ${code}`);
        callOff();
        hangUp();
        reject(new Interrupted(sent, code, Object.assign(new Error(code), { code })));
      };
      const timer = client.after(patience.answerSeconds * 1_000, () => fail(true, 'ETIMEDOUT'));
      const onAbort = () => fail(true, 'ABORT_ERR');
      const callOff = () => {
        timer();
        patience.signal?.removeEventListener('abort', onAbort);
      };
      patience.signal?.addEventListener('abort', onAbort);
      client.onDeath(hangUp);
      const isOpen = () => !isOver && client.isAlive;
      const answered = (body: string, headers: Listener['headers'], wroteAt: number) => {
        if (isOver) return;
        isOver = true;
        callOff();
        call.answered = wroteAt;
        call.ended = world.now;
        call.outcome = readOutcome(call, body);
        world.tell(client.name, `← ${describe(call)}: ${describeOutcome(call.outcome)}`);
        resolve({
          status: 200,
          headers: { 'content-type': 'text/xml; charset=utf-8', ...headers },
          body: Buffer.from(body),
        });
      };
      const reset = () => client.post(() => fail(true, 'ECONNRESET'));

      const { weather } = this;
      const isLost = this.#strikes(weather.loseRequest);
      const losesAnswer = this.#strikes(weather.loseAnswer);
      if (this.#strikes(weather.double)) {
        call.isDoubled = true;
        const again = this.#delay() + world.span(1, 5_000);
        this.#deliver(again, () =>
          this.#arrive(
            call,
            url,
            xml,
            () => undefined,
            () => undefined,
            reset,
          ),
        );
      }
      this.#deliver(this.#delay(), () => {
        if (!isOpen() && !arrival && world.oneIn(2)) return;
        if (this.weather.isDown || this.isolated.has(client)) return;
        if (this.unreachable.has(url.hostname)) {
          // No connection comes about, where none was kept from before.
          if (world.oneIn(2)) client.after(patience.connectSeconds * 1_000, () => fail(false, 'ETIMEDOUT'));
          return;
        }
        const listener = this.#listeners.get(url.hostname);
        if (!listener?.isListening || !listener.process.isAlive) {
          client.post(() => fail(false, 'ECONNREFUSED'));
          return;
        }
        if (isLost) {
          if (world.oneIn(2)) world.after(this.#delay(), reset);
          return;
        }
        this.#arrive(
          call,
          url,
          xml,
          (process, peer) => {
            arrival = { process, peer };
            if (!isOpen()) hangUp();
          },
          (body, headers, wroteAt) => {
            if (losesAnswer || this.isolated.has(client) || this.unreachable.has(url.hostname)) {
              if (world.oneIn(2)) world.after(this.#delay(), reset);
              return;
            }
            world.after(this.#delay(), () => client.post(() => answered(body, headers, wroteAt)));
          },
          () => world.after(this.#delay(), reset),
        );
      });
    });
  }

  /** A request is on its way for so many milliseconds. */
  #deliver(delayMs: number, arrive: () => void): void {
    this.#onTheirWay += 1;
    this.world.after(delayMs, () => {
      this.#onTheirWay -= 1;
      arrive();
    });
  }

  /** A request reaches the socket of a daemon. */
  #arrive(
    call: Call,
    url: URL,
    xml: string,
    connected: (process: Process, peer: Arrival) => void,
    answer: (body: string, headers: Listener['headers'], wroteAt: number) => void,
    reset: () => void,
  ): void {
    const { world } = this;
    const listener = this.#listeners.get(url.hostname);
    if (!listener?.isListening || !listener.process.isAlive) {
      reset();
      return;
    }
    const { process } = listener;
    const visit: Visit = { daemon: listener.speaker, at: world.now };
    call.arrived ??= world.now;
    call.visits?.push(visit);
    const peer = new Arrival(world, visit);
    connected(process, peer);
    process.onDeath(reset);
    const read = () => {
      // Whose connection was closed before it was read was never heard.
      if (peer.isGone && world.oneIn(2)) return;
      visit.daemon = listener.speaker;
      listener.handle(Buffer.from(xml), peer).then(
        (body) => {
          if (!process.isAlive || peer.isGone) return;
          visit.wroteAt = world.now;
          answer(body, listener.headers, visit.wroteAt);
        },
        () => reset(),
      );
    };
    // A new connection is accepted first, and read in a later round, or in the one behind that.
    const arrive = (rounds: number): void => {
      if (rounds === 0) process.post(read);
      else process.post(() => process.nextRound(() => arrive(rounds - 1)));
    };
    arrive(world.random(3));
  }

  #delay(): number {
    return this.world.span(...this.weather.delayMs);
  }

  #strikes(oneIn: number): boolean {
    return oneIn > 0 && this.world.oneIn(oneIn);
  }
}
