/** Bytes that grow. */
export class Bytes {
  #buffer = new Uint8Array(0);
  length = 0;

  get all(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  write(at: number, bytes: Uint8Array): void {
    this.grow(at + bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Makes it at least so long; what is new is zeros. */
  grow(length: number): void {
    if (length <= this.length) return;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      larger.set(this.all);
      this.#buffer = larger;
    }
    this.length = length;
  }

  truncate(length: number): void {
    if (length < this.length) this.#buffer.fill(0, length, this.length);
    this.grow(length);
    this.length = length;
  }

  replace(other: Bytes): void {
    this.#buffer = other.all.slice();
    this.length = other.length;
  }
}
