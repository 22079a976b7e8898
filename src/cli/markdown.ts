/** The documentation's table of the command line, made from the commands, so that a test can hold the one to the other. */
import type { AnyCommand } from './command.js';
import { COMMANDS } from './commands.js';
import { flagName } from './resolve.js';

/** All commands: `| command | what it does | flags |`. `--json` and `--help` are everywhere and left out. */
export function commandTableMarkdown(): string {
  const rows = COMMANDS.map((command) => [`\`${usageOf(command)}\``, command.summary, flagsOf(command)]);
  const lines = [['command', 'what it does', 'flags'], ['---', '---', '---'], ...rows];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function usageOf({ name, words = [] }: AnyCommand): string {
  return ['lockd', name, ...words.map(([word]) => word)].join(' ');
}

function flagsOf({ settings }: AnyCommand): string {
  return Object.entries(settings)
    .filter(([name]) => name !== 'json')
    .map(
      ([name, { placeholder, help }]) =>
        `\`${[`--${flagName(name)}`, placeholder].filter(Boolean).join(' ')}\` ${help}`,
    )
    .join('<br>');
}
