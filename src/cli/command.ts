/**
 * What a command is: its name, its arguments, its settings, and what it does. Parsing is done before (program.ts);
 * failures become texts and exit statuses behind it (failure.ts).
 */
import { Problems } from './problems.js';
import { type InForce, resolveSettings, resolveWhatCanBe, type Sources, settingsInForce } from './resolve.js';
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
  /** What is wrong with the settings and their file; none where the command does not tell that itself. */
  readonly problems: Problems;
  /** Where the settings come from. */
  readonly inForce: () => readonly InForce[];
  /** What an operator may have meant otherwise, one sentence each. */
  readonly slips: readonly string[];
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
  /** Whether the command itself tells what is wrong with its settings; those that are get their default. */
  readonly tellsProblems?: (settings: ValuesOf<S>) => boolean;
  /** Does it, and answers the exit status. Throws what failure.ts knows. */
  run(call: Call<S>): Promise<number>;
}

/** A definition whose settings are its own business. */
export interface AnyCommand extends Omit<CommandDefinition<Settings>, 'run' | 'tellsProblems'> {
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
      const problems = new Problems();
      problems.add(...(sources.file?.problems ?? []));
      const settings = resolveWhatCanBe(
        definition.settings,
        withOwnToken(definition, subject, sources),
        problems,
      );
      if (!definition.tellsProblems?.(settings)) problems.throwAny();
      const inForce = () => settingsInForce(definition.settings, sources);
      const { slips = [] } = sources;
      return definition.run({ subject: subject ?? '', words, settings, terminal, problems, inForce, slips });
    },
  };
}

/** Within `lockd run` LOCKD_TOKEN is that of LOCKD_RESOURCE: of a call about another resource it is not meant. */
function withOwnToken(
  { words }: Pick<AnyCommand, 'words'>,
  subject: string | undefined,
  sources: Sources,
): Sources {
  const { LOCKD_TOKEN: _token, ...environment } = sources.environment;
  const { LOCKD_RESOURCE: locked } = environment;
  const isAnother = words?.[0]?.[0] === '<resource>' && locked && locked !== subject;
  return isAnother ? { ...sources, environment } : sources;
}
