/** A histogram of plain numbers: adding a value costs a few comparisons and no memory. */
export class Histogram {
  /** The sum of all values. */
  sum = 0;
  readonly #counts: number[];

  /** @param bounds the greatest value of each bucket, rising; one more bucket takes what is greater than all of them. */
  constructor(readonly bounds: readonly number[]) {
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    (this.#counts[bucket] as number) += 1;
    this.sum += value;
  }

  /** For each bound how many values are not greater, and last how many there are in all. */
  cumulative(): number[] {
    let count = 0;
    return this.#counts.map((inBucket) => {
      count += inBucket;
      return count;
    });
  }
}
