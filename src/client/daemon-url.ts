/** The address of a daemon. */

/** Reads `http://HOST:PORT`, with or without a path. Throws an Error with a phrase: `must ...`. */
export function readDaemonUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || url.hostname === '') {
    throw new Error(`must be like http://127.0.0.1:7420, not '${text}'`);
  }
  if (url.username !== '' || url.password !== '') throw new Error('must not name a user or password');
  if (url.search !== '' || url.hash !== '')
    throw new Error(`must end with its path, not '${url.search}${url.hash}'`);
  return url;
}

/** The address as people write it: without the slash at its end. */
export function urlText(url: URL): string {
  return url.href.replace(/\/$/, '');
}
