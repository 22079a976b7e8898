/**
 * Parses XML with the browser's parser. It makes a document of its own, which is only read: nothing of it ever comes to stand
 * in the page. Where the browser knows Trusted Types, this is the one place that may hand text to a parser.
 */

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createHTML(text: string): string },
  ): { createHTML(text: string): string };
}

const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy('lockd', { createHTML: (text) => text });

/** The root element; `<parsererror>` for what is no XML. */
export function parseXml(text: string): Element {
  const xml = policy ? policy.createHTML(text) : text;
  return new DOMParser().parseFromString(xml, 'text/xml').documentElement;
}
