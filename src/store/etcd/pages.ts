/** Reads a range of keys page by page: so many keys at a time that a page is neither too long to be read nor hardly anything. */
import { type KeyValue, type Kv, KvError, type Range, type RangeAnswer } from '../../etcd/kv.js';
import type { Patience } from './patience.js';

/** Keys of the first page, and of one page at most. */
const FIRST_LIMIT = 64;
const GREATEST_LIMIT = 10_000;

/** Bytes that a page should have: few pages, as etcd looks at all keys that are left for each; and each is read within moments. */
const PAGE_BYTES = 2 << 20;

export interface PageParts {
  readonly kv: Kv;
  readonly patience: Patience;
}

/** Bytes of an entry. */
export function keyValueBytes({ key, value }: Pick<KeyValue, 'key' | 'value'>): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}

/** The entries of a range, by key, page by page; each page is asked for when the one before has been dealt with. */
export async function* pagesOf(
  parts: PageParts,
  range: Omit<Range, 'limit'>,
): AsyncGenerator<readonly KeyValue[]> {
  let { key } = range;
  for (let limit = FIRST_LIMIT; ; ) {
    const { found, hasMore } = await readPage(parts, { ...range, key, limit });
    yield found;
    const last = found.at(-1);
    if (!hasMore || !last) return;
    key = behind(last.key);
    limit = nextLimit(found, PAGE_BYTES);
  }
}

/** The least key behind another. */
function behind(key: string): string {
  return `${key}\0`;
}

/** How many entries have so many bytes together, if they are as long as these. */
export function nextLimit(found: readonly KeyValue[], bytes: number): number {
  const foundBytes = found.reduce((sum, entry) => sum + keyValueBytes(entry), 1);
  return Math.min(GREATEST_LIMIT, Math.max(1, Math.round((found.length * bytes) / foundBytes)));
}

/** Of entries that are longer than those before fewer are asked for. */
async function readPage({ kv, patience }: PageParts, range: Range): Promise<RangeAnswer> {
  try {
    return await patience.ask((timeoutMs) => kv.range(range, timeoutMs));
  } catch (error) {
    if (!(error instanceof KvError) || error.reason !== 'tooLong' || range.limit === 1) throw error;
    return readPage({ kv, patience }, { ...range, limit: Math.ceil(range.limit / 8) });
  }
}
