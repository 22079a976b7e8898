/**
 * The short way for nearly all calls: those whose parameters are strings without references, comments or CDATA. Two
 * patterns read them, to the very values that `parse.ts` reads; whatever they do not match goes the long way.
 */
import { ownText } from './scalars.js';

export interface PlainCall {
  readonly method: string;
  readonly params: string[];
}

const HEAD = /[ \t\n]*<methodCall>[ \t\n]*<methodName>([\w.]+)<\/methodName>[ \t\n]*<params>[ \t\n]*/y;
/** A string with its type or without. A `]` could begin a `]]>`, which is an error. */
const PARAM =
  /<param>[ \t\n]*<value>(?:<string>([^<&\]]*)<\/string>|([^<&\]]*))<\/value>[ \t\n]*<\/param>[ \t\n]*/y;
const TAIL = /<\/params>[ \t\n]*<\/methodCall>[ \t\n]*$/y;

/**
 * Reads a call, or answers undefined where it is not as plain as that, or has more than `maxParams` parameters.
 *
 * @param xml as `decodeDocument` answers it.
 */
export function readPlainCall(xml: string, maxParams: number): PlainCall | undefined {
  HEAD.lastIndex = 0;
  const method = HEAD.exec(xml)?.[1];
  if (method === undefined) return undefined;
  const params: string[] = [];
  PARAM.lastIndex = TAIL.lastIndex = HEAD.lastIndex;
  for (let param = PARAM.exec(xml); param; param = PARAM.exec(xml)) {
    if (params.length === maxParams) return undefined;
    params.push(ownText(param[1] ?? param[2] ?? ''));
    TAIL.lastIndex = PARAM.lastIndex;
  }
  return TAIL.test(xml) ? { method: ownText(method), params } : undefined;
}
