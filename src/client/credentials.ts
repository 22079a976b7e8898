/**
 * Who calls, with a secret that nothing shows by itself: no printed object, no JSON. It leaves by the methods alone, for the
 * header of a request or for another client.
 */

/** Control characters stand in no header, and a colon ends the name. */
const NOT_A_NAME = /[\p{Cc}:]/u;
const NOT_A_SECRET = /\p{Cc}/u;

export class Credentials {
  readonly #secret: string;

  /** Throws an Error with a phrase that names no secret: `must ...`. */
  constructor(
    readonly user: string,
    secret: string,
  ) {
    if (user === '' || NOT_A_NAME.test(user))
      throw new Error('must name the user, without colons and control characters');
    if (secret === '') throw new Error(`must come with the secret of '${user}', which is empty`);
    if (NOT_A_SECRET.test(secret))
      throw new Error(`must come with the secret of '${user}' alone: it has control characters in it`);
    this.#secret = secret;
  }

  secret(): string {
    return this.#secret;
  }

  /** The header of HTTP Basic (RFC 7617, in UTF-8). */
  authorization(): string {
    return `Basic ${Buffer.from(`${this.user}:${this.#secret}`).toString('base64')}`;
  }

  equals(other: Credentials): boolean {
    return this.user === other.user && this.#secret === other.#secret;
  }
}
