/**
 * What a setting is: a value that a flag, a variable or the configuration file may give. It knows how texts become its
 * value; where they come from is no concern of it (that is resolve.ts).
 */
import { UsageError } from './usage-error.js';

export interface Setting<Value> {
  readonly help: string;
  /** Stands for the value in the help; a switch has none. */
  readonly placeholder?: string;
  readonly repeatable: boolean;
  /** The text for which `--no-NAME` stands; a switch has one anyway. */
  readonly opposite?: string;
  /** What stands for the texts where none are given; absent: nothing. */
  readonly fallback?: string;
  /** Throws `UsageError` for what must not stand in a flag, which everybody sees in the list of processes. */
  readonly checkFlag?: (texts: readonly string[]) => void;
  /** The value of the given texts, or the default without any. Throws `UsageError` with a phrase: `must be ...`. */
  readonly read: (texts: readonly string[] | undefined) => Value;
}

/** Settings by the camel-case form of their flag: `historyDays` is `--history-days`. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The values that belong to `Settings`. */
export type ValuesOf<S extends Settings> = { readonly [Name in keyof S]: ReturnType<S[Name]['read']> };

type Parse<Value> = (text: string) => Value;

/** A setting with one value, or none. */
export function optional<Value>(
  placeholder: string,
  help: string,
  parse: Parse<Value>,
): Setting<Value | undefined> {
  return {
    help,
    placeholder,
    repeatable: false,
    read: (texts) => (texts?.[0] === undefined ? undefined : parse(texts[0])),
  };
}

/** A setting with one value; `fallback` is the text of its default. */
export function withDefault<Value>(
  placeholder: string,
  help: string,
  parse: Parse<Value>,
  fallback: string,
): Setting<Value> {
  return {
    help: `${help} (default: ${fallback})`,
    placeholder,
    repeatable: false,
    fallback,
    read: (texts) => parse(texts?.[0] ?? fallback),
  };
}

/** A setting that may be given several times; `fallback` is the text of the only one when it is not given. */
export function repeated<Value>(
  placeholder: string,
  help: string,
  parse: Parse<Value>,
  fallback: string,
): Setting<readonly Value[]> {
  return {
    help: `${help}; repeatable (default: ${fallback})`,
    placeholder,
    repeatable: true,
    fallback,
    read: (texts) => {
      if (texts?.length === 0) throw new UsageError('must name at least one');
      return (texts ?? [fallback]).map(parse);
    },
  };
}

/** A setting that may be given several times, or not at all. */
export function anyNumberOf<Value>(
  placeholder: string,
  help: string,
  parse: Parse<Value>,
): Setting<readonly Value[]> {
  return {
    help: `${help}; repeatable`,
    placeholder,
    repeatable: true,
    read: (texts) => (texts ?? []).map(parse),
  };
}

const YES = new Set(['1', 'true', 'yes', 'on']);
const NO = new Set(['0', 'false', 'no', 'off']);

/** A setting that is on or off, and off unless given. */
export function toggle(help: string): Setting<boolean> {
  return { help, repeatable: false, fallback: 'false', read: (texts) => readSwitch(texts?.[0] ?? 'false') };
}

/** A setting that is on, off, or left to circumstances. */
export function optionalToggle(help: string): Setting<boolean | undefined> {
  return {
    help,
    repeatable: false,
    read: (texts) => (texts?.[0] === undefined ? undefined : readSwitch(texts[0])),
  };
}

function readSwitch(given: string): boolean {
  const text = given.toLowerCase();
  if (YES.has(text)) return true;
  if (NO.has(text)) return false;
  throw new UsageError(`must be true or false, not '${text}'`);
}
