/** The patterns that choose resources and client names: of fence rules, and of what users may do. */

/**
 * Whether `pattern` stands for the whole of `text`: `*` for any characters, also for none and for `/`, every other
 * character for itself. Each piece between two `*` is looked for once, from where the one before it ended: no pattern
 * makes this slow.
 */
export function matches(pattern: string, text: string): boolean {
  const [first = '', ...pieces] = pattern.split('*');
  const last = pieces.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let position = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, position);
    if (found < 0) return false;
    position = found + piece.length;
  }
  return text.length - last.length >= position && text.endsWith(last);
}
