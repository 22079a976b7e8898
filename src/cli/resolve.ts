/**
 * Where settings come from: flags beat variables beat the configuration file beat the defaults. Every setting has three
 * names: `--listen`, `LOCKD_LISTEN`, and the key `"listen"`. An empty variable counts as none. No file is read here
 * (that is config-file.ts).
 */
import { Problems } from './problems.js';
import type { Setting, Settings, ValuesOf } from './setting.js';
import { UsageError } from './usage-error.js';

/** What was given, by flag name without dashes: the texts, and how to name the place in an error. */
export type Given = ReadonlyMap<string, readonly string[]>;

/** All places where settings are given. */
export interface Sources {
  readonly flags: Given;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: ConfigFile;
  /** Variables that nothing reads and that look like a slip, one sentence each. */
  readonly slips?: readonly string[];
}

/** What the configuration file says, and what is wrong with it. */
export interface ConfigFile {
  readonly path: string;
  readonly given: Given;
  readonly problems?: readonly string[];
}

/** A setting as it is in force. */
export interface InForce {
  /** The flag without its dashes. */
  readonly name: string;
  /** As they were given, or the default; none where there is neither. */
  readonly values: readonly string[];
  /** Where they come from: `--listen`, `LOCKD_LISTEN`, `'listen' in FILE`, `default`, or `not set`. */
  readonly from: string;
}

/** `historyDays` → `history-days`: the flag without its dashes, and the key in the configuration file. */
export function flagName(settingName: string): string {
  return settingName.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `historyDays` → `LOCKD_HISTORY_DAYS`. */
export function variableName(settingName: string): string {
  return `LOCKD_${flagName(settingName).replaceAll('-', '_').toUpperCase()}`;
}

/** `SECRET_FILE` → `--secret-file (LOCKD_SECRET_FILE)`, for texts: who reads them knows which of both he gave. */
export function flagOrVariable(name: string): string {
  return `--${name.replaceAll('_', '-').toLowerCase()} (LOCKD_${name})`;
}

/** The value of every setting. Throws `UsageError` naming the place of each one that cannot be read. */
export function resolveSettings<S extends Settings>(settings: S, sources: Sources): ValuesOf<S> {
  const problems = new Problems();
  const values = resolveWhatCanBe(settings, sources, problems);
  problems.throwAny();
  return values;
}

/** The same, with the default in the place of what cannot be read, which is noted. */
export function resolveWhatCanBe<S extends Settings>(
  settings: S,
  sources: Sources,
  problems: Problems,
): ValuesOf<S> {
  const values = Object.entries(settings).map(([name, setting]) => {
    const count = problems.found.length;
    const value = problems.try(() => resolveOne(name, setting, sources));
    return [name, problems.found.length > count ? setting.read(undefined) : value];
  });
  return Object.fromEntries(values) as ValuesOf<S>;
}

/** Every setting as it is in force, in their order. Throws `UsageError` where one is given as it cannot be. */
export function settingsInForce(settings: Settings, sources: Sources): InForce[] {
  return Object.entries(settings).map(([name, setting]) => {
    const found = find(name, setting, sources);
    if (found) return { name: flagName(name), values: found.texts, from: found.place };
    const { fallback } = setting;
    if (fallback === undefined) return { name: flagName(name), values: [], from: 'not set' };
    return { name: flagName(name), values: [fallback], from: 'default' };
  });
}

function resolveOne(name: string, setting: Setting<unknown>, sources: Sources): unknown {
  const found = find(name, setting, sources);
  try {
    if (found?.isFlag) setting.checkFlag?.(found.texts);
    return setting.read(found?.texts);
  } catch (error) {
    if (!(error instanceof UsageError) || !found) throw error;
    throw new UsageError(...error.problems.map((problem) => `${found.place} ${problem}`));
  }
}

function find(name: string, setting: Setting<unknown>, { flags, environment, file }: Sources) {
  const flag = flagName(name);
  const fromFlag = flags.get(flag);
  if (fromFlag) return { place: `--${flag}`, texts: fromFlag, isFlag: true };
  const variable = variableName(name);
  const value = environment[variable];
  if (value) return { place: variable, texts: setting.repeatable ? splitAtCommas(value) : [value] };
  const fromFile = file?.given.get(flag);
  if (!file || !fromFile) return undefined;
  if (fromFile.length > 1 && !setting.repeatable)
    throw new UsageError(`'${flag}' in ${file.path} must be one value`);
  return { place: `'${flag}' in ${file.path}`, texts: fromFile };
}

function splitAtCommas(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
