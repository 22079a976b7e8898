/** The addresses of one cluster: which of them answered last, and whether all lead to the same lock directory. */

import { anotherCluster } from './failures.js';
import { type HttpAnswer, ID_HEADER } from './http-exchange.js';

export class Cluster {
  #at = 0;
  #id: string | undefined;

  constructor(readonly urls: readonly [URL, ...URL[]]) {}

  /** The address that answered last. */
  get url(): URL {
    return this.urls[this.#at] ?? this.urls[0];
  }

  /** Every address once, beginning `skip` behind the one that answered last. */
  inTurn(skip = 0): URL[] {
    const from = (this.#at + skip) % this.urls.length;
    return [...this.urls.slice(from), ...this.urls.slice(0, from)];
  }

  /** Remembers who answered. Throws `AnotherCluster`. */
  answered(url: URL, { headers }: HttpAnswer): void {
    const id = headers[ID_HEADER];
    if (typeof id === 'string') {
      this.#id ??= id;
      if (id !== this.#id) throw anotherCluster(url, id, this.#id);
    }
    this.#at = Math.max(0, this.urls.indexOf(url));
  }
}
