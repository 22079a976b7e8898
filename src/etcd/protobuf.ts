/**
 * Protocol buffers on the wire, as far as etcd's messages need them: numbers and what has a length. Written from the end to
 * the beginning, because a message stands behind its length.
 */
import { BadAnswer } from './messages.js';

/** The kinds of fields, as the wire has them. */
const NUMBER = 0;
const LENGTH = 2;

const FIRST_ROOM = 16_384;

/** A message on its way. What is written first stands last. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(FIRST_ROOM);
  #at = FIRST_ROOM;

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** A number that is not negative. */
  number(field: number, value: number | bigint): void {
    this.#varint(value);
    this.#varint(field * 8 + NUMBER);
  }

  text(field: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.#makeRoom(length);
    this.#at -= length;
    this.#bytes.write(text, this.#at);
    this.#lengthOf(field, length);
  }

  /** A message in this one: all that `write` writes. */
  message(field: number, write: () => void): void {
    const before = this.length;
    write();
    this.#lengthOf(field, this.length - before);
  }

  /** All of it behind its length, as gRPC sends it. To be called once. */
  framed(): Uint8Array {
    const { length } = this;
    this.#makeRoom(5);
    this.#at -= 5;
    // Not compressed.
    this.#bytes[this.#at] = 0;
    this.#bytes.writeUInt32BE(length, this.#at + 1);
    return this.#bytes.subarray(this.#at);
  }

  #lengthOf(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + LENGTH);
  }

  #varint(value: number | bigint): void {
    const groups: number[] = [];
    let rest = value;
    if (typeof rest === 'bigint') {
      for (; rest > 127n; rest >>= 7n) groups.push(Number(rest & 127n) | 128);
    } else {
      for (; rest > 127; rest = Math.floor(rest / 128)) groups.push((rest % 128) + 128);
    }
    groups.push(Number(rest));
    this.#makeRoom(groups.length);
    this.#at -= groups.length;
    this.#bytes.set(groups, this.#at);
  }

  #makeRoom(bytes: number): void {
    if (this.#at >= bytes) return;
    const { length } = this;
    const bigger = Buffer.allocUnsafe(2 * this.#bytes.length + bytes);
    this.#bytes.copy(bigger, bigger.length - length, this.#at);
    this.#at = bigger.length - length;
    this.#bytes = bigger;
  }
}

/** A field of a message: a number, or bytes. */
export interface ProtobufField {
  readonly field: number;
  /** Absent for bytes. A bigint where a number would not be exact. */
  readonly number?: number | bigint;
  /** Absent for a number. */
  readonly bytes?: Buffer;
}

/** The fields of a message, in order. Throws `BadAnswer` for what is no message. */
export function* protobufFields(message: Buffer): Generator<ProtobufField> {
  const reader = new Reader(message);
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case NUMBER:
        yield { field, number: reader.varint() };
        break;
      case LENGTH:
        yield { field, bytes: reader.bytes(Number(reader.varint())) };
        break;
      default:
        throw new BadAnswer('this is not what etcd answers');
    }
  }
}

class Reader {
  #at = 0;

  constructor(private readonly message: Buffer) {}

  get isAtEnd(): boolean {
    return this.#at >= this.message.length;
  }

  varint(): number | bigint {
    let value = 0;
    let unit = 1;
    for (let groups = 1; ; groups += 1) {
      const group = this.#byte();
      // From here on a number could not be exact.
      if (groups > 7) return this.#rest(BigInt(value), group, groups);
      value += (group & 127) * unit;
      unit *= 128;
      if (group < 128) return value;
    }
  }

  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (!(end <= this.message.length)) throw cutOff();
    const bytes = this.message.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #rest(before: bigint, first: number, groups: number): bigint {
    let value = before;
    let group = first;
    for (let shift = BigInt(7 * (groups - 1)); ; shift += 7n) {
      if (shift > 63n) throw new BadAnswer('this is not what etcd answers');
      value |= BigInt(group & 127) << shift;
      if (group < 128) return BigInt.asUintN(64, value);
      group = this.#byte();
    }
  }

  #byte(): number {
    const byte = this.message[this.#at];
    if (byte === undefined) throw cutOff();
    this.#at += 1;
    return byte;
  }
}

function cutOff(): BadAnswer {
  return new BadAnswer('the answer was cut off');
}
