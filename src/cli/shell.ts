/** Command lines for a person to copy and paste into a POSIX shell. */
import { printable } from './printable.js';

/** `word` so that a shell reads it as one word; as it is where that is safe. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${printable(word).replaceAll("'", `'\\''`)}'`;
}

/** `lockd NAME WORDS OPTIONS`, quoted; words that begin with a dash stand last, where they are not read as options. */
export function lockdCommand(
  name: string,
  words: readonly string[],
  options: readonly string[] = [],
): string {
  const hasDash = words.some((word) => word.startsWith('-'));
  const rest = hasDash ? [...options, '--', ...words] : [...words, ...options];
  return ['lockd', name, ...rest].map(shellWord).join(' ');
}
