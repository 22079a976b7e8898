/**
 * The web page: a document, a script, a style and an icon, as the build put them into `dist/page`, read once. They hold
 * nothing that is secret and are shown to everybody; what the page shows, it asks for by calls like any other client.
 */
import { readFileSync } from 'node:fs';
import type { Page, Pages } from './visit.js';

interface PageFile {
  readonly path: string;
  readonly name: string;
  readonly contentType: string;
}

const DOCUMENT = '/';

const FILES: readonly PageFile[] = [
  { path: DOCUMENT, name: 'page.html', contentType: 'text/html; charset=utf-8' },
  { path: '/page.js', name: 'page.js', contentType: 'text/javascript; charset=utf-8' },
  { path: '/page.css', name: 'page.css', contentType: 'text/css; charset=utf-8' },
  { path: '/icon.svg', name: 'icon.svg', contentType: 'image/svg+xml' },
];

/**
 * What the page may do: nothing but this. It runs no script and no style but its own files, talks to nobody but this daemon, is
 * shown in no frame, sends no form by itself, and makes markup out of text in one place only (the policy `lockd`).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types lockd',
].join('; ');

const HEADERS: readonly string[] = [
  ...['Content-Security-Policy', CONTENT_SECURITY_POLICY],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['X-Frame-Options', 'DENY'],
  ...['Referrer-Policy', 'no-referrer'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
  // It belongs to the version of the daemon, and to whether that has users.
  ...['Cache-Control', 'no-store'],
];

/** What stands in the document where nobody need sign in, and what where everybody must. */
const NO_SIGN_IN = 'data-sign-in="none"';
const SIGN_IN = 'data-sign-in="required"';

/**
 * The page and its files, by their paths. Where one was not built, its path says so; the daemon serves calls all the same.
 *
 * @param hasUsers whether callers have to sign in.
 */
export function pageFiles(
  hasUsers: boolean,
  directory = new URL('../../dist/page/', import.meta.url),
): Pages {
  return new Map(FILES.map((file) => [file.path, pageOf(file, hasUsers, directory)]));
}

function pageOf({ path, name, contentType }: PageFile, hasUsers: boolean, directory: URL): Page {
  const body = readText(new URL(name, directory))?.replace(NO_SIGN_IN, hasUsers ? SIGN_IN : NO_SIGN_IN);
  return {
    isOpen: true,
    // The files beside the document are those of a document that came from here, perhaps just before the leader changed.
    isOfLeader: path === DOCUMENT,
    show: (visit) => {
      if (body === undefined) visit.refuse({ name: 'missingPage', detail: name });
      else visit.send({ headers: ['Content-Type', contentType, ...HEADERS], body });
    },
  };
}

/** Locks do not depend on the page: an incomplete installation is told to who asks for it, and stops no daemon. */
function readText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
