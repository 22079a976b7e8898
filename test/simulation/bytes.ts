/** Bytes that grow. Zeros at the end that nobody looks at take no room: a reserve is large, and says nothing. */
export class Bytes {
  #buffer = new Uint8Array(0);
  length = 0;

  get all(): Uint8Array {
    this.#hold(this.length);
    return this.#buffer.subarray(0, this.length);
  }

  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    if (!isBlank(bytes)) {
      this.#hold(end);
      this.#buffer.set(bytes, at);
    } else this.#buffer.fill(0, at, end);
    this.grow(end);
  }

  /** Makes it at least so long; what is new is zeros. */
  grow(length: number): void {
    this.length = Math.max(this.length, length);
  }

  truncate(length: number): void {
    this.#buffer.fill(0, length);
    this.length = length;
  }

  replace(other: Bytes): void {
    this.#buffer = other.#buffer.slice();
    this.length = other.length;
  }

  #hold(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

/** Whether these are many zeros, as far as a few of them tell. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.length >= 1 << 16 && bytes[0] === 0 && bytes.at(-1) === 0;
}
