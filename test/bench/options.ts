/** What `npm run bench` is told. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { LoadKind } from './load.js';

export const PARTS = [
  'pairs',
  'cluster',
  'one-call',
  'users',
  'events',
  'held',
  'snapshot',
  'waiters',
  'soak',
] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly parts: readonly Part[];
  readonly json: boolean;
  readonly seconds: number;
  readonly rounds: number;
  readonly kind: LoadKind;
  readonly held: number;
  readonly waiters: readonly number[];
  readonly readers: number;
  readonly soakMinutes: number;
  readonly directory: string;
}

const SOAK_MINUTES = '10';

/** Throws a TypeError or a RangeError that says what is wrong. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: withMinutes(args),
    options: {
      parts: { type: 'string' },
      json: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '5' },
      load: { type: 'string', default: 'http' },
      held: { type: 'string', default: '100000' },
      waiters: { type: 'string', default: '10,10000' },
      readers: { type: 'string', default: '50' },
      soak: { type: 'string' },
      directory: { type: 'string', default: tmpdir() },
    },
  });
  return {
    parts: chosenParts(values.parts, values.soak !== undefined),
    json: values.json,
    seconds: positive('seconds', values.seconds),
    rounds: positive('rounds', values.rounds),
    kind: oneOf('load', ['http', 'sockets'], values.load),
    held: positive('held', values.held),
    waiters: values.waiters.split(',').map((count) => positive('waiters', count)),
    readers: positive('readers', values.readers),
    soakMinutes: positive('soak', values.soak ?? SOAK_MINUTES),
    directory: values.directory,
  };
}

/** `--soak` may stand without its minutes. */
function withMinutes(args: readonly string[]): string[] {
  return args.flatMap((word, index) => {
    const next = args[index + 1];
    return word === '--soak' && (next === undefined || next.startsWith('-')) ? [word, SOAK_MINUTES] : [word];
  });
}

/** Everything but the soak where nothing is chosen; `--soak` alone chooses only that. */
function chosenParts(parts: string | undefined, isSoak: boolean): Part[] {
  if (parts === undefined) return PARTS.filter((part) => (part === 'soak') === isSoak);
  const chosen = parts.split(',').map((part) => oneOf('parts', PARTS, part));
  return PARTS.filter((part) => chosen.includes(part) || (isSoak && part === 'soak'));
}

function oneOf<T extends string>(name: string, choices: readonly T[], given: string): T {
  const choice = choices.find((one) => one === given);
  if (choice === undefined) throw new RangeError(`--${name} takes ${choices.join(', ')}, not '${given}'`);
  return choice;
}

function positive(name: string, given: string): number {
  const number = Number(given);
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`--${name} takes a number above 0, not '${given}'`);
  }
  return number;
}
