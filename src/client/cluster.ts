/** The addresses of one cluster: which of them leads, as far as is known, and whether all lead to the same locks. */

import { urlText } from './daemon-url.js';
import { anotherCluster } from './failures.js';
import { type HttpAnswer, ID_HEADER } from './http-exchange.js';

export class Cluster {
  #at = 0;
  /** Where the next round begins. */
  #from = 0;
  #id: string | undefined;

  constructor(readonly urls: readonly [URL, ...URL[]]) {}

  /** The address that answered last, as the one does that leads. */
  get url(): URL {
    return this.urls[this.#at] ?? this.urls[0];
  }

  /** Every address once, beginning with the one that answered last, or behind it where it has said nothing since. */
  round(): Round {
    return this.#roundFrom(this.#from, this.urls.length);
  }

  /** The address so many behind the one that answered last, and no other but the one that it says leads. */
  turn(turn: number): Round {
    return this.#roundFrom(this.#at + turn, 1);
  }

  #roundFrom(place: number, count: number): Round {
    const from = place % this.urls.length;
    return new Round([...this.urls.slice(from), ...this.urls.slice(0, from)], count);
  }

  /** The one of the addresses that a member calls so; undefined where it is none of them. */
  find(address: string): URL | undefined {
    return this.urls.find((url) => urlText(url) === urlText(new URL(address)));
  }

  /** Throws `AnotherCluster` where this answer is from another one than those before. */
  check(url: URL, { headers }: HttpAnswer): void {
    const id = headers[ID_HEADER];
    if (typeof id !== 'string') return;
    this.#id ??= id;
    if (id !== this.#id) throw anotherCluster(url, id, this.#id);
  }

  /** Remembers who answered. */
  answered(url: URL): void {
    this.#at = Math.max(0, this.urls.indexOf(url));
    this.#from = this.#at;
  }

  /** It did not answer in time: whoever calls next need not wait for it, too. */
  wasSilent(url: URL): void {
    if (this.urls[this.#from] === url) this.#from = (this.#from + 1) % this.urls.length;
  }
}

/** The addresses in the order in which they are asked, none of them twice. */
export class Round {
  constructor(
    private order: readonly URL[],
    private count: number,
  ) {}

  /** Whom to ask next; undefined when the round is over. */
  next(): URL | undefined {
    if (this.count === 0) return undefined;
    const [url, ...others] = this.order;
    this.order = others;
    this.count -= 1;
    return url;
  }

  /** Somebody says that this one leads: it is next, unless it was asked already. */
  goTo(leader: URL): void {
    if (!this.order.includes(leader)) return;
    this.order = [leader, ...this.order.filter((url) => url !== leader)];
    this.count = Math.max(1, this.count);
  }
}
