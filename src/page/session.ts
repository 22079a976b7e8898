/**
 * As whom the page calls. The credentials live as long as the tab: in memory, and in its session storage, so that a reload asks
 * for nothing. Nothing is ever written elsewhere.
 */

import { NotSignedIn } from './failures.js';

const KEY = 'lockd.authorization';

export class Session {
  #authorization = sessionStorage.getItem(KEY) ?? undefined;

  get isSignedIn(): boolean {
    return this.#authorization !== undefined;
  }

  /** The headers that show who calls. */
  get headers(): Readonly<Record<string, string>> {
    return this.#authorization === undefined ? {} : { Authorization: this.#authorization };
  }

  /** @param user empty: the secret alone says who it is. Throws `NotSignedIn` where it cannot be that of anybody. */
  signIn(user: string, secret: string): void {
    // Nothing else can stand in a header as it is; the secrets of the daemon have no other characters.
    if (user === '' && !/^[!-~]+$/.test(secret)) {
      throw new NotSignedIn('This is no secret: it has characters that none has. Look for a slip');
    }
    this.#authorization = user === '' ? `Bearer ${secret}` : `Basic ${base64(`${user}:${secret}`)}`;
    sessionStorage.setItem(KEY, this.#authorization);
  }

  signOut(): void {
    this.#authorization = undefined;
    sessionStorage.clear();
  }
}

/** Of the UTF-8, as the daemon reads it. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
