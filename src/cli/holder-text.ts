/** Who is in the way, in words: the holders of a resource and its line. Names and notes are shown as they are. */
import type { Hold } from '../core/answers.js';
import type { FileStatus } from '../service/api.js';
import { sinceText, spanText } from './moments.js';

/** How many holders one line has room for. */
const NAMED_HOLDERS = 3;

/** One sentence for each holder, without its full stop; the last one counts those that have no room. */
export function holderTexts({ holders, held }: FileStatus): string[] {
  const named = holders.slice(0, NAMED_HOLDERS).map(holderText);
  const more = held - named.length;
  return more > 0 ? [...named, `And ${more.toLocaleString('en')} more`] : named;
}

function holderText(hold: Hold): string {
  const { client, token, acquired, note, state } = hold;
  const noteText = note === undefined ? '' : `, note: ${note}`;
  if (state === 'fencing') return `Lost by '${client}' (token ${token}), who is being fenced${noteText}`;
  if (state === 'delayed') return `Lost by '${client}' (token ${token}), whose lock-delay runs${noteText}`;
  return `Held by '${client}' since ${sinceText(acquired)}, ${leaseText(hold)}${noteText}`;
}

/** `lease left 25 s`, `no lease`. */
function leaseText({ left }: Hold): string {
  return left === undefined ? 'no lease' : `lease left ${spanText(left)}`;
}

/** Where a client stands in the line, or how many do; undefined where nobody waits, or where that cannot be told. */
export function lineText({ waiting, queue }: FileStatus, client: string): string | undefined {
  if (waiting === 0) return undefined;
  const mine = queue.find((place) => place.client === client);
  const all = waiting.toLocaleString('en');
  if (mine) return `'${client}' is number ${mine.position} of ${all} in the line`;
  return waiting === 1 ? '1 waits in the line' : `${all} wait in the line`;
}
