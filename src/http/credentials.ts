/** Reads what an Authorization header shows: HTTP Basic (RFC 7617, UTF-8) or a Bearer token (RFC 6750). Pure. */
import type { Credentials } from '../access/users.js';

/** `Basic dXNlcjpzZWNyZXQ=`, `Bearer 0123…`: a scheme in any case, and one word. */
const AUTHORIZATION = /^(basic|bearer) +([\w.~+/=-]+) *$/i;

/** The credentials that a header carries; undefined where it is of another kind, or broken. */
export function readAuthorization(header: string): Credentials | undefined {
  const [, scheme = '', word = ''] = AUTHORIZATION.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { secret: word };
    case 'basic':
      return readPair(Buffer.from(word, 'base64').toString('utf8'));
    default:
      return undefined;
  }
}

/** The first colon ends the name: secrets may have one. */
function readPair(text: string): Credentials | undefined {
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), secret: text.slice(colon + 1) };
}
