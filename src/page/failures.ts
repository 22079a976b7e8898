/** What can become of a call but an answer. */
import { adviceFor } from './advice.js';

/** The daemon said no; `message` is its text. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    readonly code: number,
    text: string,
  ) {
    super(text);
  }
}

/** The daemon does not know who calls, or no longer. `message` is what it said. */
export class NotSignedIn extends Error {
  override readonly name = 'NotSignedIn';
}

/** There was no answer that could be read. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** What happened, and what to do. */
export interface Trouble {
  readonly what: string;
  readonly advice?: string;
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof Refused) {
    const advice = adviceFor(error.code);
    return { what: `${error.message} (code ${error.code})`, ...(advice && { advice }) };
  }
  if (error instanceof NoAnswer) return { what: error.message, advice: 'Is the daemon running? Try again.' };
  return { what: error instanceof Error ? error.message : String(error) };
}
