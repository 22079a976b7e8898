/** Command lines for a person to copy and paste into a POSIX shell. */
import { printable } from './printable.js';

/** `word` so that a shell reads it as one word; as it is where that is safe. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${printable(word).replaceAll("'", `'\\''`)}'`;
}

/** `lockd NAME [OPTIONS] ARGUMENTS`, quoted; arguments that begin with a dash are kept from being read as options. */
export function lockdCommand(
  name: string,
  words: readonly string[],
  options: readonly string[] = [],
): string {
  const separator = words.some((word) => word.startsWith('-')) ? ['--'] : [];
  return ['lockd', name, ...options, ...separator, ...words].map(shellWord).join(' ');
}
