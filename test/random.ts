/** Random numbers from a seed: one seed is one run. */

/** A whole number from 0 to less than `below`. */
export type Random = (below: number) => number;

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The seed of this run: LOCKD_TEST_SEED, or another one each time. Print it. */
export function chooseSeed(): number {
  return Number(process.env.LOCKD_TEST_SEED ?? Date.now() % 2 ** 31);
}

/** One of `values`, of which there is at least one. */
export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

/** Every second one of `values`: the first, third … or the others, by the seed; so that all of them have their turn. */
export function everySecond<T>(seed: number, values: readonly T[]): T[] {
  return values.filter((_, index) => index % 2 === seed % 2);
}
