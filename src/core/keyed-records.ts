/** Records of which a client may have several on one resource, told apart by a key; in the order in which they came. */
interface Named {
  readonly resource: string;
  readonly client: string;
}

export class KeyedRecords<Key, Value extends Named> {
  readonly #byPair = new Map<string, Map<Key, Value>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(resource: string, client: string, key: Key): Value | undefined {
    return this.#byPair.get(pairKey(resource, client))?.get(key);
  }

  /** Those of one client on one resource. */
  of(resource: string, client: string): Iterable<Value> {
    return this.#byPair.get(pairKey(resource, client))?.values() ?? [];
  }

  /** All of them, by the first that a client had on a resource. */
  *all(): Generator<Value> {
    for (const values of this.#byPair.values()) yield* values.values();
  }

  /** Answers the one that it takes the place of. */
  put(key: Key, value: Value): Value | undefined {
    const pair = pairKey(value.resource, value.client);
    const values = this.#byPair.get(pair) ?? new Map<Key, Value>();
    this.#byPair.set(pair, values);
    const replaced = values.get(key);
    values.set(key, value);
    if (!replaced) this.#size += 1;
    return replaced;
  }

  remove(resource: string, client: string, key: Key): Value | undefined {
    const pair = pairKey(resource, client);
    const values = this.#byPair.get(pair);
    const removed = values?.get(key);
    if (!values || !removed) return undefined;
    values.delete(key);
    this.#size -= 1;
    if (values.size === 0) this.#byPair.delete(pair);
    return removed;
  }
}

function pairKey(resource: string, client: string): string {
  return `${resource}\0${client}`;
}
