/** Texts from elsewhere, made safe and honest for a terminal. */

/**
 * Control and format characters, private and unassigned ones, and every separator but the plain space: they could
 * move the cursor, turn the line around, or make one name look like another.
 */
const ODD = /(?! )[\p{C}\p{Z}]/gu;

/** The text on one line, with odd characters shown as `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(ODD, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;
const COMBINING = /\p{M}/u;

/** Columns that a printable text takes on a terminal, well enough to align a table. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (COMBINING.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}
