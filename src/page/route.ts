/** What the page shows, as the part of its address behind the `#`: so that links lead there and Back leads back. Pure. */
import { RESOURCE_STATES, type ResourceState } from '../core/answers.js';

/** Which resources are listed. */
export interface ListFilter {
  readonly prefix?: string;
  readonly client?: string;
  readonly state?: ResourceState;
}

export type Route =
  /** `after`: the last resource of the page before. */
  | { readonly view: 'list'; readonly filter: ListFilter; readonly after?: string }
  | { readonly view: 'resource'; readonly resource: string };

const RESOURCE = '#/resource/';

/** `#/resource/deploy%2Fprod`, `#/?prefix=deploy%2F&state=held`. */
export function hashOf(route: Route): string {
  if (route.view === 'resource') return RESOURCE + encodeURIComponent(route.resource);
  const { filter, after } = route;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, after })) if (value) query.set(name, value);
  const text = query.toString();
  return text === '' ? '#/' : `#/?${text}`;
}

/** The route of a hash; the whole list for one that was made by nobody here. */
export function readRoute(hash: string): Route {
  const resource = hash.startsWith(RESOURCE) ? decoded(hash.slice(RESOURCE.length)) : '';
  if (resource) return { view: 'resource', resource };
  const query = new URLSearchParams(hash.startsWith('#/?') ? hash.slice(3) : '');
  const state = RESOURCE_STATES.find((one) => one === query.get('state') && one !== 'free');
  const prefix = query.get('prefix');
  const client = query.get('client');
  const after = query.get('after');
  const filter = { ...(prefix && { prefix }), ...(client && { client }), ...(state && { state }) };
  return { view: 'list', filter, ...(after && { after }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A % that somebody typed.
    return text;
  }
}
