/** Writes down every call that clients make over real connections, as the history checker wants it. */
import type { Exchange, HttpAnswer, HttpOptions, Patience } from '../../src/client/http-exchange.js';
import { HttpExchange, ID_HEADER, Interrupted } from '../../src/client/http-exchange.js';
import type { Call, Happening, Method } from '../history/history.js';
import { readCall, readOutcome } from '../simulation/reading.js';

/** A call, and where it went. */
export interface RecordedCall extends Call {
  /** The address of the daemon. */
  readonly daemon: string;
}

const METHODS: ReadonlySet<string> = new Set<Method>([
  'lock',
  'enqueue',
  'wait',
  'cancel',
  'unlock',
  'renew',
  'extend',
  'update',
  'check',
  'status',
  'forceUnlock',
  'confirmFenced',
]);

export class Recorder {
  readonly happenings: Happening[] = [];
  /** By which names answers named the cluster. */
  readonly ids = new Set<string>();
  readonly #calls = new Set<RecordedCall>();
  #count = 0;

  /** Those that were sent, in the order of their beginning. */
  get calls(): RecordedCall[] {
    return [...this.#calls];
  }

  /** What a client sends by. */
  exchange(options: HttpOptions): Exchange {
    const real = new HttpExchange(options);
    return {
      get: (url, page, patience) => real.get(url, page, patience),
      open: (url, page, more, patience) => real.open(url, page, more, patience),
      post: (url, xml, patience) => this.#post(real, url, xml, patience),
      close: () => real.close(),
    };
  }

  async #post(real: Exchange, url: URL, xml: string, patience: Patience): Promise<HttpAnswer> {
    const asked = readCall(xml);
    if (!METHODS.has(asked.method)) return real.post(url, xml, patience);
    this.#count += 1;
    const call: RecordedCall = { ...asked, id: this.#count, daemon: url.origin, started: performance.now() };
    this.#calls.add(call);
    let answer: HttpAnswer;
    try {
      answer = await real.post(url, xml, patience);
    } catch (error) {
      // What never left has not happened.
      if (error instanceof Interrupted && !error.sent) this.#calls.delete(call);
      throw error;
    }
    if (answer.status === 200) {
      call.ended = performance.now();
      call.outcome = readOutcome(call, answer.body.toString());
      const id = answer.headers[ID_HEADER];
      if (typeof id === 'string') this.ids.add(id);
    }
    return answer;
  }
}
