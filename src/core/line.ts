/**
 * The line of one resource, in the order in which its places were given. Taking the first, joining at the end and
 * leaving from anywhere cost the same with ten as with ten thousand: who left stays in the array until it is passed.
 */
import type { PlaceRecord } from './records.js';

export class Line {
  readonly #byClient = new Map<string, PlaceRecord>();
  /** By sequence; those that `#byClient` does not know have left. */
  #places: PlaceRecord[] = [];
  #first = 0;

  get size(): number {
    return this.#byClient.size;
  }

  get(client: string): PlaceRecord | undefined {
    return this.#byClient.get(client);
  }

  /** Puts a place where its sequence belongs, which usually is the end. Answers the one that the client had. */
  put(place: PlaceRecord): PlaceRecord | undefined {
    const replaced = this.#byClient.get(place.client);
    this.#byClient.set(place.client, place);
    const index = this.#indexOf(place.sequence);
    const isThere = this.#places[index]?.sequence === place.sequence;
    this.#places.splice(index, isThere ? 1 : 0, place);
    this.#first = Math.min(this.#first, index);
    return replaced;
  }

  remove(client: string): PlaceRecord | undefined {
    const removed = this.#byClient.get(client);
    this.#byClient.delete(client);
    if (this.#places.length > 2 * this.#byClient.size + 64) this.#compact();
    return removed;
  }

  /** In order. The line may change behind whoever looks. */
  *[Symbol.iterator](): Generator<PlaceRecord> {
    while (this.#first < this.#places.length && !this.#isIn(this.#places[this.#first])) this.#first += 1;
    for (let index = this.#first; index < this.#places.length; index += 1) {
      const place = this.#places[index] as PlaceRecord;
      if (this.#isIn(place)) yield place;
    }
  }

  /** 1 for the first; 0 for a client that is not in the line. */
  position(client: string): number {
    let position = 0;
    for (const place of this) {
      position += 1;
      if (place.client === client) return position;
    }
    return 0;
  }

  #isIn(place: PlaceRecord | undefined): boolean {
    return place !== undefined && this.#byClient.get(place.client) === place;
  }

  /** Where a place of this sequence is, or belongs. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#places.length;
    const last = this.#places[high - 1];
    if (last && last.sequence < sequence) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] as PlaceRecord).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    this.#places = this.#places.filter((place) => this.#isIn(place));
    this.#first = 0;
  }
}
