/** Changes to bytes that know nothing of what they mean. */
import { oneOf, type Random } from '../random.js';

type Mutation = (bytes: Buffer, random: Random) => Buffer;

/** Where in `bytes` something happens, and how much of it: mostly little. */
function range(bytes: Buffer, random: Random): [start: number, end: number] {
  const start = random(bytes.length + 1);
  const length = random(4) === 0 ? random(bytes.length + 1) : random(24);
  return [start, Math.min(bytes.length, start + length)];
}

function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

const flipBit: Mutation = (bytes, random) => {
  const copy = Buffer.from(bytes);
  const at = random(copy.length);
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
  return copy;
};

const setByte: Mutation = (bytes, random) => {
  const at = random(bytes.length + 1);
  return replaced(
    bytes,
    at,
    at + 1,
    Buffer.from([oneOf(random, [0, 9, 10, 13, 32, 34, 38, 60, 62, 127, 255])]),
  );
};

const cutOut: Mutation = (bytes, random) => replaced(bytes, ...range(bytes, random), Buffer.alloc(0));

const cutOff: Mutation = (bytes, random) => bytes.subarray(0, random(bytes.length + 1));

const double: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return replaced(bytes, end, end, bytes.subarray(start, end));
};

const move: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  const rest = replaced(bytes, start, end, Buffer.alloc(0));
  const to = random(rest.length + 1);
  return replaced(rest, to, to, bytes.subarray(start, end));
};

const zeros: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return replaced(bytes, start, end, Buffer.alloc(end - start));
};

const noise: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return replaced(bytes, start, end, Buffer.from(Array.from({ length: random(24) }, () => random(256))));
};

const BYTE_MUTATIONS: readonly Mutation[] = [flipBit, setByte, cutOut, cutOff, double, move, zeros, noise];

/** One change. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  return oneOf(random, BYTE_MUTATIONS)(bytes, random);
}

/** Puts one of `pieces` somewhere. */
export function insertPiece(bytes: Buffer, random: Random, pieces: readonly string[]): Buffer {
  const [start, end] = range(bytes, random);
  return replaced(bytes, start, random(2) === 0 ? start : end, Buffer.from(oneOf(random, pieces)));
}
