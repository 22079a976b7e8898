/** The documentation's table of the command line, made from the commands, so that a test can hold the one to the other. */
import type { AnyCommand } from './command.js';
import { COMMANDS } from './commands.js';
import { CONNECTION } from './connection.js';
import { flagName } from './resolve.js';
import type { Settings } from './setting.js';

/**
 * All commands: `| command | what it does | flags |`. `--json` and `--help` are everywhere and left out; what all have that
 * call a daemon is a row of its own.
 */
export function commandTableMarkdown(): string {
  const rows = COMMANDS.map((command) => [
    `\`${usageOf(command)}\``,
    command.summary,
    flagsOf(ownSettings(command)),
  ]);
  const common = ['`lockd …`', 'every command that calls a daemon', flagsOf(CONNECTION)];
  const lines = [['command', 'what it does', 'flags'], ['---', '---', '---'], ...rows, common];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function usageOf({ name, words = [] }: AnyCommand): string {
  return ['lockd', name, ...words.map(([word]) => word)].join(' ');
}

/** Those that not every command has, and not every one that calls a daemon. */
function ownSettings({ settings }: AnyCommand): Settings {
  const common = new Set<unknown>(Object.values(CONNECTION));
  const own = Object.entries(settings).filter(([name, setting]) => name !== 'json' && !common.has(setting));
  return Object.fromEntries(own);
}

function flagsOf(settings: Settings): string {
  return Object.entries(settings)
    .map(
      ([name, { placeholder, help }]) =>
        `\`${[`--${flagName(name)}`, placeholder].filter(Boolean).join(' ')}\` ${help}`,
    )
    .join('<br>');
}
