/**
 * Where settings come from: flags beat variables beat the configuration file beat the defaults. Every setting has three
 * names: `--listen`, `LOCKD_LISTEN`, and the key `"listen"`. An empty variable counts as none. No file is read here
 * (that is config-file.ts).
 */
import type { Setting, Settings, ValuesOf } from './setting.js';
import { UsageError } from './usage-error.js';

/** What was given, by flag name without dashes: the texts, and how to name the place in an error. */
export type Given = ReadonlyMap<string, readonly string[]>;

/** All places where settings are given. */
export interface Sources {
  readonly flags: Given;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly path: string; readonly given: Given };
}

/** `historyDays` → `history-days`: the flag without its dashes, and the key in the configuration file. */
export function flagName(settingName: string): string {
  return settingName.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `historyDays` → `LOCKD_HISTORY_DAYS`. */
export function variableName(settingName: string): string {
  return `LOCKD_${flagName(settingName).replaceAll('-', '_').toUpperCase()}`;
}

/** The value of every setting. Throws `UsageError` naming the place of what cannot be read. */
export function resolveSettings<S extends Settings>(settings: S, sources: Sources): ValuesOf<S> {
  const values = Object.entries(settings).map(([name, setting]) => [
    name,
    resolveOne(name, setting, sources),
  ]);
  return Object.fromEntries(values) as ValuesOf<S>;
}

function resolveOne(name: string, setting: Setting<unknown>, sources: Sources): unknown {
  const found = find(name, setting, sources);
  try {
    return setting.read(found?.texts);
  } catch (error) {
    if (!(error instanceof UsageError) || !found) throw error;
    throw new UsageError(`${found.place} ${error.message}`);
  }
}

function find(name: string, setting: Setting<unknown>, { flags, environment, file }: Sources) {
  const flag = flagName(name);
  const fromFlag = flags.get(flag);
  if (fromFlag) return { place: `--${flag}`, texts: fromFlag };
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
