/** The addresses of daemons. */

/** Reads `http://HOST:PORT`, with or without a path, or `open://`. Throws an Error with a phrase: `must ...`. */
export function readDaemonUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && isOpen(url)) return url;
  if (url?.protocol !== 'http:' || url.hostname === '') {
    throw new Error(`must be like http://127.0.0.1:7420, not '${text}'`);
  }
  if (url.username !== '' || url.password !== '') throw new Error('must not name a user or password');
  if (url.search !== '' || url.hash !== '')
    throw new Error(`must end with its path, not '${url.search}${url.hash}'`);
  return url;
}

/** Reads the addresses of one cluster, separated by commas; each as `readDaemonUrl` does. */
export function readDaemonUrls(text: string): [URL, ...URL[]] {
  const [first = '', ...others] = text.split(',').map((part) => part.trim());
  const urls: [URL, ...URL[]] = [readDaemonUrl(first), ...others.map(readDaemonUrl)];
  if (urls.length > 1 && urls.some(isOpen)) throw new Error('must not name open:// beside other addresses');
  return urls;
}

/** Whether this is `open://`, and no daemon. */
export function isOpen(url: URL): boolean {
  return url.href === 'open://';
}

/** The address as people write it: without the slash at its end. */
export function urlText(url: URL): string {
  return isOpen(url) ? url.href : url.href.replace(/\/$/, '');
}
