/**
 * What a daemon of this version refuses for its characters or its length is refused here too, in the same words:
 * control characters cannot be written as XML, so that they would never reach it.
 */
import { clientProblem, noteProblem, requestProblem, resourceProblem } from '../core/names.js';
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import { RefusedCall } from './errors.js';

const PROBLEMS = {
  resource: resourceProblem,
  client: clientProblem,
  note: noteProblem,
  reason: noteProblem,
  request: requestProblem,
  newClient: clientProblem,
} as const;

/** The texts of a call by the names of their parameters; what is no text is left to the daemon. */
export type Texts = { readonly [Name in keyof typeof PROBLEMS]?: unknown };

/** Throws `RefusedCall` for the first text that no daemon accepts. */
export function checkTexts(method: string, texts: Texts): void {
  for (const [name, text] of Object.entries(texts)) {
    if (typeof text !== 'string') continue;
    const problem = PROBLEMS[name as keyof Texts](text);
    if (problem !== undefined)
      throw new RefusedCall(BAD_PARAMETERS, `${method}: parameter '${name}' ${problem}`);
  }
}
