/**
 * What a command is: its name, its arguments, its settings, and what it does. Parsing is done before (program.ts);
 * failures become texts and exit statuses behind it (failure.ts).
 */
import { resolveSettings, type Sources } from './resolve.js';
import { type Settings, toggle, type ValuesOf } from './setting.js';
import { Terminal, type World } from './terminal.js';
import { UsageError } from './usage-error.js';

/** What a command is given to work with. */
export interface Call<S extends Settings> {
  /** The first word: what the command is about; empty only where it takes none, or got none. */
  readonly subject: string;
  /** All words, the first one too. */
  readonly words: readonly string[];
  readonly settings: ValuesOf<S>;
  readonly terminal: Terminal;
}

/** All that makes a command; `defineCommand` takes it. */
export interface CommandDefinition<S extends Settings> {
  readonly name: string;
  readonly summary: string;
  /** `<needed>`, `[optional]` or `[several...]`, each with its help. A word with the name of a setting stands for its flag. */
  readonly words?: readonly (readonly [name: string, help: string])[];
  readonly settings: S;
  /** Lines below the help: an example, or what to know. */
  readonly epilogue?: string;
  /** Does it, and answers the exit status. Throws what failure.ts knows. */
  run(call: Call<S>): Promise<number>;
}

/** A definition whose settings are its own business. */
export interface AnyCommand extends Omit<CommandDefinition<Settings>, 'run'> {
  /** The terminal for this command's output; `json` as its settings have it. Throws `UsageError`. */
  terminal(sources: Sources, world: World): Terminal;
  /** Throws `UsageError` where the words or the settings make no sense. */
  run(words: readonly string[], sources: Sources, terminal: Terminal): Promise<number>;
}

/** The setting of every command. */
const OUTPUT = { json: toggle('print one JSON document, a failure too, on standard output') };

/** Makes a command of its definition; every command has --json. */
export function defineCommand<S extends Settings>(definition: CommandDefinition<S>): AnyCommand {
  return {
    ...definition,
    settings: { ...definition.settings, ...OUTPUT },
    terminal: (sources, world) => new Terminal(world, resolveSettings(OUTPUT, sources).json),
    run: async (words, sources, terminal) => {
      const [subject] = words;
      // Of a shell variable that is not set, most likely: none at all would mean something else.
      if (subject === '')
        throw new UsageError(`${definition.words?.[0]?.[0].slice(1, -1)} must not be empty`);
      const settings = resolveSettings(definition.settings, sources);
      return definition.run({ subject: subject ?? '', words, settings, terminal });
    },
  };
}
