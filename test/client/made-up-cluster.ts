/** A cluster that answers as a test says, on a clock that goes on by itself as soon as nothing else happens. */
import serializer from 'xmlrpc/lib/serializer.js';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import {
  type Exchange,
  type HttpAnswer,
  Interrupted,
  type Patience,
} from '../../src/client/http-exchange.js';

/** What becomes of a request: an answer, or none. */
export type Answer =
  | { readonly value: unknown }
  | { readonly code: number; readonly text: string; readonly leader?: string }
  | 'refused'
  | 'cut'
  | 'silent';

/** A request, as it came: when, in seconds since the beginning, where, and what. */
export interface Asked {
  readonly at: number;
  readonly host: string;
  readonly method: string;
  readonly xml: string;
}

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

/** Says what a member answers; with `after`, only so many seconds later. */
export type Behaviour = (asked: Asked) => Answer | { readonly after: number; readonly answer: Answer };

export class MadeUpCluster {
  readonly asked: Asked[] = [];
  /** Seconds since the beginning. */
  now = 0;
  /** Requests that are still open. */
  open = 0;
  #timers: Timer[] = [];

  constructor(readonly behaviours: Readonly<Record<string, Behaviour>>) {}

  /** A client of these members, called `http://NAME`. */
  client(options: LockdClientOptions = {}): LockdClient {
    const urls = Object.keys(this.behaviours).map((name) => `http://${name}`);
    const ports = {
      clock: {
        now: () => ({ monotonic: this.now, sinceBoot: this.now }),
        after: (seconds: number, action: () => void) => this.#after(seconds, action),
      },
      pace: {
        now: () => this.now * 1_000,
        pause: (seconds: number, signal?: AbortSignal) => this.#pause(seconds, signal),
      },
      exchange: () => this.#exchange(),
      makeId: () => 'key',
      random: () => 0.5,
    };
    return new LockdClient({ urls, client: 'A', ...options }, ports);
  }

  /** Lets time go by until that is settled; answers what it rejects with, too, and when. */
  async outcome(promise: Promise<unknown>): Promise<{ readonly outcome: unknown; readonly at: number }> {
    let over: { outcome: unknown; at: number } | undefined;
    const end = (outcome: unknown) => {
      over = { outcome, at: Math.round(this.now * 1_000) / 1_000 };
    };
    promise.then(end, end);
    for (;;) {
      await settled();
      if (over) return over;
      if (!this.#goOn()) throw new Error('nothing happens any more, and it is not settled');
    }
  }

  /** Lets so many seconds go by. */
  async pass(seconds: number): Promise<void> {
    let isOver = false;
    this.#after(seconds, () => {
      isOver = true;
    });
    while (!isOver) {
      await settled();
      this.#goOn();
    }
    await settled();
  }

  /** Who was asked, in order. */
  get hosts(): string {
    return this.asked.map(({ host }) => host).join(' ');
  }

  #goOn(): boolean {
    const [next] = [...this.#timers].sort((one, other) => one.at - other.at);
    if (!next) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.now = Math.max(this.now, next.at);
    next.action();
    return true;
  }

  #after(seconds: number, action: () => void): () => void {
    const timer = { at: this.now + Math.max(1e-9, seconds), action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  #pause(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const callOff = this.#after(seconds, resolve);
      const stop = () => {
        callOff();
        reject(signal?.reason);
      };
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  #exchange(): Exchange {
    return {
      post: (url, xml, patience) => this.#post(url, xml, patience),
      get: () => Promise.reject(new Error('nobody asks for pages here')),
      open: () => Promise.reject(new Error('nobody follows streams here')),
      close: () => undefined,
    };
  }

  #post(url: URL, xml: string, patience: Patience): Promise<HttpAnswer> {
    const method = /<methodName>(.*?)</.exec(xml)?.[1] ?? '';
    const asked = { at: this.now, host: url.hostname, method, xml };
    this.asked.push(asked);
    this.open += 1;
    const said = this.behaviours[url.hostname]?.(asked) ?? 'refused';
    const { after, answer } =
      typeof said === 'object' && 'after' in said ? said : { after: 0.001, answer: said };
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void) => () => {
        if (isOver) return;
        isOver = true;
        this.open -= 1;
        for (const callOff of timers) callOff();
        settle();
      };
      const fail = (sent: boolean, code: string) =>
        end(() => reject(new Interrupted(sent, code, Object.assign(new Error(code), { code }))));
      const timers = [this.#after(patience.answerSeconds, fail(true, 'ETIMEDOUT'))];
      if (answer === 'refused') timers.push(this.#after(after, fail(false, 'ECONNREFUSED')));
      else if (answer === 'cut') timers.push(this.#after(after, fail(true, 'ECONNRESET')));
      else if (answer !== 'silent')
        timers.push(
          this.#after(
            after,
            end(() => resolve(httpAnswer(answer))),
          ),
        );
      patience.signal?.addEventListener('abort', fail(true, 'ABORT_ERR'), { once: true });
    });
  }
}

function httpAnswer(answer: Exclude<Answer, string>): HttpAnswer {
  const leader = 'leader' in answer ? { 'x-lockd-leader': answer.leader } : {};
  const body =
    'value' in answer
      ? serializer.serializeMethodResponse(answer.value)
      : serializer.serializeFault({ faultCode: answer.code, faultString: answer.text });
  const headers = { 'content-type': 'text/xml', 'x-lockd-id': 'one', ...leader };
  return { status: 200, headers, body: Buffer.from(body) };
}

/** All that can happen without time going by has. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What one says that does not lead. */
export function notLeader(member: string, leader?: string): Answer {
  if (leader === undefined)
    return { code: 16, text: `http://${member} is not the leader, and there is none at present` };
  return {
    code: 16,
    text: `http://${member} is not the leader, ask http://${leader}`,
    leader: `http://${leader}`,
  };
}
