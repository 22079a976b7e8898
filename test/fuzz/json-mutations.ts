/** Changes to JSON that leave it JSON: members gone, doubled, renamed, of another type, deeper, longer. */
import { oneOf, type Random } from '../random.js';
import { text } from './texts.js';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** The value after some changes. */
export function mutateJson(value: Json, random: Random): Json {
  let changed = structuredClone(value);
  for (let left = random(3); left >= 0; left -= 1) changed = mutateOnce(changed, random);
  return changed;
}

function mutateOnce(value: Json, random: Random): Json {
  const goesDeeper = random(4) > 0;
  if (Array.isArray(value) && value.length > 0 && goesDeeper) {
    const at = random(value.length);
    if (random(6) === 0) return value.toSpliced(at, 1);
    if (random(6) === 0) return value.toSpliced(at, 0, structuredClone(value[at] as Json));
    return value.with(at, mutateOnce(value[at] as Json, random));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && goesDeeper) {
    return mutateMember(value, random);
  }
  return oneOf(random, STRANGE)(random, value);
}

function mutateMember(object: { [name: string]: Json }, random: Random): Json {
  const entries = Object.entries(object);
  if (entries.length === 0) return object;
  const at = random(entries.length);
  const [name, member] = entries[at] as [string, Json];
  switch (random(8)) {
    case 0:
      return Object.fromEntries(entries.toSpliced(at, 1));
    case 1:
      return Object.fromEntries(entries.with(at, [text(random), member]));
    case 2:
      return Object.fromEntries([...entries, [text(random), member]]);
    default:
      return Object.fromEntries(entries.with(at, [name, mutateOnce(member, random)]));
  }
}

const MOST_DEPTH = 200;

const STRANGE: readonly ((random: Random, value: Json) => Json)[] = [
  () => null,
  (random) => random(2) === 0,
  (random) => oneOf(random, [0, -1, 1, 2, 1.5, 1e21, 2 ** 31, 2 ** 53, 9_007_199_254_740_990, 1e308]),
  (random) =>
    String(oneOf(random, [0, 7, 2 ** 53, '9007199254740992', '99999999999999999', '00007', '0x10'])),
  (random) => text(random),
  (random) => text(random).repeat(random(600)),
  () => [],
  () => ({}),
  (_, value) => [value],
  (_, value) => ({ ['__proto__']: value }),
  (random, value) => {
    let nested = value;
    for (let depth = random(MOST_DEPTH); depth > 0; depth -= 1) nested = [nested];
    return nested;
  },
];
