/** What a command that changed a hold says of it. */
import type { Hold } from '../core/answers.js';
import { spanText, utcText } from './moments.js';
import { printable } from './printable.js';
import type { Answer } from './terminal.js';

/** The hold as it is now, in one sentence. */
export function holdAnswer(hold: Hold): Answer {
  const { resource, client } = hold;
  return { json: hold, text: printable(`'${resource}' is held by '${client}' ${leaseSpanText(hold)}`) };
}

/** `for another 25 s (until 2026-11-21 08:15:00 UTC)`, `until it is unlocked`. */
function leaseSpanText({ left, expires }: Hold): string {
  if (left === undefined) return 'until it is unlocked';
  return `for another ${spanText(left)}${expires === undefined ? '' : ` (until ${utcText(expires)})`}`;
}
