/**
 * From the words of a command line to a command and what was given to it: commander reads the words, resolve.ts the
 * rest. Nothing is run here.
 */
import { Argument, Command, Option } from 'commander';
import { VERSION } from '../service/version.js';
import type { AnyCommand } from './command.js';
import { readConfigFile } from './config-file.js';
import { flagName, type Given, type Sources, variableName } from './resolve.js';
import type { Setting } from './setting.js';
import { slipsIn } from './slips.js';
import type { World } from './terminal.js';
import { UsageError } from './usage-error.js';

/** What a command line asks for. */
export interface Request {
  readonly command: AnyCommand;
  readonly words: readonly string[];
  readonly sources: Sources;
}

const CONFIG = 'config';

/** Commander's program of these commands for a command line; `onRequest` gets what it asks for. */
export function buildProgram(
  commands: readonly AnyCommand[],
  line: readonly string[],
  world: World,
  onRequest: (request: Request) => void,
): Command {
  const program = new Command('lockd')
    .description('Fencing locks: who may touch a resource, remembered through crashes')
    .version(VERSION, '--version', 'print the version')
    .helpOption('--help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => world.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .showHelpAfterError('Try: lockd help')
    .addHelpText('after', EPILOGUE);
  for (const command of commands) {
    addCommand(program, command, (given, flags) => {
      const gap = gapIn(command, given.length - wordsBehindDashes(line), line);
      const words = gap === undefined ? given : [...given.slice(0, gap), '', ...given.slice(gap)];
      onRequest({
        command,
        words,
        sources: findSources(commands, flagsWithWords(command, words, flags, gap), world),
      });
    });
  }
  return program;
}

const EPILOGUE = `
Every flag can also be a variable (--listen is LOCKD_LISTEN, several values by comma) and a key in the JSON file of
--config ({"listen": "127.0.0.1:7420"}). Flags beat variables beat the file.

Exit statuses: 0 done; 1 refused, or check says no; 2 usage; 69 no daemon answers; 70 a defect of lockd; 75 try again later;
76 lock lost or stale token; 77 not allowed.`;

type OnCommand = (words: readonly string[], flags: ReadonlyMap<string, readonly string[]>) => void;

function addCommand(program: Command, definition: AnyCommand, onCommand: OnCommand): void {
  const flags = new Map<string, string[]>();
  const command = makeCommand(program, definition.name).description(definition.summary);
  for (const [name, help] of definition.words ?? []) command.addArgument(new Argument(name, help));
  for (const [name, setting] of Object.entries(definition.settings)) addFlag(command, name, setting, flags);
  addFlag(command, CONFIG, CONFIG_SETTING, flags);
  if (definition.epilogue !== undefined) command.addHelpText('after', `\n${definition.epilogue}`);
  if (definition.words?.some(([name]) => name.includes('...'))) {
    command.showHelpAfterError(
      `What is to be run stands behind --, with its own options. Try: lockd help ${definition.name}`,
    );
  }
  command.action(() => onCommand(command.args, flags));
}

/** What commands of two words are about, by the first one. */
const GROUPS: Readonly<Record<string, string>> = {
  user: 'who may call a daemon, and what each may do: add, remove, list',
};

/** A command of one word, or of two: then the first one alone is a command that shows help. */
function makeCommand(program: Command, name: string): Command {
  const [first = '', second] = name.split(' ');
  if (second === undefined) return program.command(first);
  const group = program.commands.find((command) => command.name() === first);
  return (group ?? program.command(first).description(GROUPS[first] ?? '')).command(second);
}

type FlagOf = Pick<Setting<unknown>, 'help' | 'placeholder' | 'repeatable' | 'opposite'>;

const CONFIG_SETTING: FlagOf = {
  help: 'a JSON file with settings',
  placeholder: 'FILE',
  repeatable: false,
};

function addFlag(command: Command, name: string, setting: FlagOf, flags: Map<string, string[]>): void {
  const { help, placeholder, repeatable } = setting;
  const flag = flagName(name);
  const collect = (text: string) => {
    const texts = flags.get(flag) ?? [];
    if (texts.length > 0 && !repeatable) throw new UsageError(`--${flag} is given twice`);
    flags.set(flag, [...texts, text]);
  };
  const isSwitch = placeholder === undefined;
  if (isSwitch) command.addOption(new Option(`--${flag}`, help)).on(`option:${flag}`, () => collect('true'));
  else command.addOption(new Option(`--${flag} <${placeholder}>`, help).argParser(collect));
  // Of a switch, so that a flag can beat a variable or the file here too.
  const opposite = isSwitch ? 'false' : setting.opposite;
  if (opposite === undefined) return;
  const option = new Option(`--no-${flag}`).hideHelp();
  command.addOption(option).on(`option:no-${flag}`, () => collect(opposite));
}

function wordsBehindDashes(line: readonly string[]): number {
  const dashes = line.indexOf('--');
  return dashes < 0 ? 0 : line.length - dashes - 1;
}

/**
 * Which word is missing in `lockd gate FILE --token 5 -- COMMAND`: what stands behind `--` is the command to run, not the
 * optional word that may stand before it.
 *
 * @param before how many words stand before `--`.
 */
function gapIn({ words = [] }: AnyCommand, before: number, line: readonly string[]): number | undefined {
  const [missing = ''] = words[before] ?? [];
  const takesCommand = words.some(([name]) => name.includes('...'));
  const isLeftOut = missing.startsWith('[') && !missing.includes('...');
  return line.includes('--') && takesCommand && isLeftOut ? before : undefined;
}

/** A word with the name of a setting counts as its flag. */
function flagsWithWords(command: AnyCommand, words: readonly string[], flags: Given, gap?: number): Given {
  const all = new Map(flags);
  for (const [index, [argument]] of (command.words ?? []).entries()) {
    const name = argument.slice(1, -1);
    const word = words[index];
    if (word === undefined || index === gap || !(name in command.settings)) continue;
    const given = flags.get(name)?.[0];
    if (given !== undefined && given !== word) {
      throw new UsageError(`The ${name} is named twice: '${word}', and '${given}' by --${name}`);
    }
    all.set(name, [word]);
  }
  return all;
}

function findSources(commands: readonly AnyCommand[], flags: Given, { environment }: World): Sources {
  const path = flags.get(CONFIG)?.[0] ?? environment[variableName(CONFIG)];
  const known = new Set(commands.flatMap((command) => Object.keys(command.settings).map(flagName)));
  const slips = slipsIn(environment, known);
  return { flags, environment, slips, ...(path ? { file: readConfigFile(path, known) } : {}) };
}
