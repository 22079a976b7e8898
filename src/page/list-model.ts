/**
 * One page of the list: which resources it shows, in which order, and whether an event concerns it. Pure; what is shown is
 * read from the daemon.
 */
import type { FileStatus } from '../service/api.js';
import type { ListFilter } from './route.js';

/** Resources on one page. */
export const PAGE_SIZE = 100;

/** A status and when it came, on the monotonic clock in milliseconds. */
export interface Row {
  readonly status: FileStatus;
  readonly received: number;
}

/** What the event stream need tell of this page: resources from and to, both included. */
export interface Window {
  readonly prefix?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Whether who follows `followed` is told all that `wanted` asks for, and not of everything where there is an end. */
export function covers(followed: Window, wanted: Window): boolean {
  if (followed.prefix !== wanted.prefix || followed.from !== wanted.from) return false;
  if (followed.to === undefined || wanted.to === undefined) return followed.to === wanted.to;
  return wanted.to <= followed.to;
}

export class ListModel {
  readonly #rows = new Map<string, Row>();
  /** In code-unit order, as the daemon has them. */
  #order: string[] = [];
  #hasMore = false;

  constructor(
    readonly filter: ListFilter,
    readonly after?: string,
  ) {}

  /** The rows in their order. */
  get rows(): readonly Row[] {
    return this.#order.flatMap((resource) => this.#rows.get(resource) ?? []);
  }

  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** The last resource shown; undefined where there is none. */
  get last(): string | undefined {
    return this.#order.at(-1);
  }

  /** What to ask of `list`: one more than is shown, to know whether there is more. */
  get query(): Readonly<Record<string, string | number>> {
    return { ...this.filter, ...(this.after !== undefined && { after: this.after }), count: PAGE_SIZE + 1 };
  }

  get window(): Window {
    const { prefix } = this.filter;
    return {
      ...(prefix !== undefined && { prefix }),
      ...(this.after !== undefined && { from: this.after }),
      ...(this.#hasMore && this.last !== undefined && { to: this.last }),
    };
  }

  /** Takes what `list` answered to `query`. */
  replace(statuses: readonly FileStatus[], received: number): void {
    const shown = statuses.slice(0, PAGE_SIZE);
    this.#hasMore = statuses.length > PAGE_SIZE;
    this.#rows.clear();
    for (const status of shown) this.#rows.set(status.resource, { status, received });
    this.#order = shown.map(({ resource }) => resource);
  }

  /** Whether something that happened to `resource`, done by or to `client`, can change what this page shows. */
  concerns(resource: string, client: string): boolean {
    if (this.#rows.has(resource)) return true;
    const { prefix = '', client: wanted = client } = this.filter;
    if (!resource.startsWith(prefix) || wanted !== client) return false;
    if (this.after !== undefined && resource <= this.after) return false;
    return !this.#hasMore || this.last === undefined || resource <= this.last;
  }

  /**
   * Takes the newest status of a resource that concerns this page.
   *
   * @returns whether the page has lost a row for which another may follow from the next page.
   */
  put(status: FileStatus, received: number): boolean {
    const { resource } = status;
    const wasShown = this.#rows.has(resource);
    if (!this.#isWanted(status)) {
      this.#rows.delete(resource);
      this.#order = this.#order.filter((one) => one !== resource);
      return wasShown && this.#hasMore;
    }
    this.#rows.set(resource, { status, received });
    if (wasShown) return false;
    this.#order = [...this.#order, resource].sort(byCodeUnits);
    for (const beyond of this.#order.splice(PAGE_SIZE)) {
      this.#rows.delete(beyond);
      this.#hasMore = true;
    }
    return false;
  }

  #isWanted(status: FileStatus): boolean {
    const { client, state } = this.filter;
    if (status.state === 'free' || (state !== undefined && status.state !== state)) return false;
    return client === undefined || hasClient(status, client);
  }
}

/** Only the first hundred are named: of a longer line nobody can tell from here. */
function hasClient({ holders, held, queue, waiting }: FileStatus, client: string): boolean {
  if (held > holders.length || waiting > queue.length) return true;
  return [...holders, ...queue].some((one) => one.client === client);
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
