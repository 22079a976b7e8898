/**
 * What lockd remembers, and how it changes. A record is the smallest thing that is stored: one per hold, place, lost hold
 * and used retry key, never one per resource, so that a change costs the same however many share a resource. A change is
 * an event (for the history) together with the records it writes and removes (for the state): whoever replays changes in
 * order, also the same ones twice, arrives at the same records.
 *
 * Times are milliseconds since 1970, UTC, and only written down, never judged by. Durations are seconds.
 */

/** A retry key, and what was asked with it: a repeat must ask for the same. */
export interface RequestRecord {
  readonly key: string;
  readonly ttl?: number;
  readonly limit?: number;
  readonly note?: string;
  readonly claim?: number;
}

/** One client's possession of one resource. */
export interface HoldRecord {
  readonly kind: 'hold';
  readonly resource: string;
  readonly client: string;
  /** The fencing token: greater than that of every earlier grant on any resource. A safe integer. */
  readonly token: number;
  /** How many may hold the resource at once; the same in every hold of a resource. */
  readonly limit: number;
  readonly acquired: number;
  /** The caller's address as the daemon saw it; no proof of anything. */
  readonly from: string;
  /** Seconds from the reading of the request to the grant. */
  readonly waited: number;
  /** Why the client holds it, in its own words. */
  readonly note?: string;
  /** Seconds of its lease; absent: it lasts until it is unlocked. */
  readonly ttl?: number;
  /** Seconds that the lease had beyond `ttl` when it was extended: a restart gives them again. */
  readonly extended?: number;
  readonly request?: RequestRecord;
  /** It was lost, and still takes its slot: until it is fenced, or until the lock-delay is over. */
  readonly lost?: 'fencing' | 'delayed';
  /** While fencing: what became of the runs of the fence command so far. */
  readonly fence?: { readonly tries: number; readonly lastError?: string };
}

/** One client's place in the line of one resource. */
export interface PlaceRecord {
  readonly kind: 'place';
  readonly resource: string;
  readonly client: string;
  /** Rises with every place on any resource: the order of the line, and the place's identity. */
  readonly sequence: number;
  /** How many may hold the resource at once, as everybody asked who holds or waits. */
  readonly limit: number;
  readonly since: number;
  readonly from: string;
  /** Its client can come back, within so many seconds since it was last heard of: the place is stored. Else 0. */
  readonly claim: number;
  /** What the hold will get. */
  readonly note?: string;
  readonly ttl?: number;
  readonly request?: RequestRecord;
}

/** How a hold ended against its holder's will. */
export type LossCause = 'expired' | 'forced' | 'handedOver';

/** What became of a hold that ended against its holder's will; kept so that the victim's next call can be told. */
export interface LostRecord {
  readonly kind: 'lost';
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  readonly time: number;
  readonly cause: LossCause;
  /** Who ended it, and why; absent where its lease was over. */
  readonly by?: string;
  readonly reason?: string;
  /** The retry key of the hold. */
  readonly request?: string;
  /** The client was granted the resource again since: only a call that names this token asks about this hold. */
  readonly superseded?: true;
}

/** The retry key of a hold that was unlocked: a late repeat must not lock again. */
export interface EndedRecord {
  readonly kind: 'ended';
  readonly resource: string;
  readonly client: string;
  readonly request: string;
  readonly time: number;
}

/** A resource whose lock file cannot be read. Never stored: the file itself is what is remembered. */
export interface UnreadableRecord {
  readonly kind: 'unreadable';
  readonly resource: string;
  /** Absolute paths of the files that claim the resource. */
  readonly files: readonly string[];
}

export type StoredRecord = HoldRecord | PlaceRecord | LostRecord | EndedRecord;
export type TableRecord = StoredRecord | UnreadableRecord;

/** Names a record: its kind and the members that identify it. */
export type RecordKey =
  | { readonly kind: 'hold'; readonly resource: string; readonly client: string }
  | {
      readonly kind: 'place';
      readonly resource: string;
      readonly client: string;
      /** That of the place: one without was never stored. */
      readonly claim: number;
    }
  | { readonly kind: 'lost'; readonly resource: string; readonly client: string; readonly token: number }
  | { readonly kind: 'ended'; readonly resource: string; readonly client: string; readonly request: string }
  | { readonly kind: 'unreadable'; readonly resource: string; readonly files: readonly string[] };

/** One text per record, for maps and key-value stores. Names hold no control characters, so NUL separates safely. */
export function recordKeyText(key: RecordKey): string {
  switch (key.kind) {
    case 'hold':
    case 'place':
      return `${key.kind}\0${key.resource}\0${key.client}`;
    case 'lost':
      return `lost\0${key.resource}\0${key.client}\0${key.token}`;
    case 'ended':
      return `ended\0${key.resource}\0${key.client}\0${key.request}`;
    case 'unreadable':
      return `unreadable\0${key.resource}`;
  }
}

/** What happened, as history tells it. */
export const EVENT_NAMES = [
  'granted',
  'unlocked',
  'expired',
  'forced',
  'handedOver',
  'fencing',
  'fenceFailed',
  'fenced',
  'queued',
  'left',
  'updated',
  'adopted',
] as const;

export type EventName = (typeof EVENT_NAMES)[number];

/** One event and what it does to the records. `by` and `reason` say who did it, and why. */
export interface Change {
  readonly event?: EventName;
  readonly time: number;
  readonly resource: string;
  readonly client: string;
  /** 0 where there is none, as with a place in the line. */
  readonly token: number;
  readonly by?: string;
  readonly reason?: string;
  readonly put?: readonly StoredRecord[];
  readonly remove?: readonly RecordKey[];
}

/** What one commit makes last: all changes of a turn, or none. */
export interface Turn {
  readonly changes: readonly Change[];
  /** The token that the next grant gets; remembered although its hold may be gone. */
  readonly nextToken: number;
}

/** What of a change is stored, or undefined where nothing is: the place of a client that cannot come back lives in memory only. */
export function storedPart(change: Change): Change | undefined {
  const isMemory = ({ kind, claim }: { kind: string; claim?: number }) => kind === 'place' && claim === 0;
  const { put = [], remove = [] } = change;
  if (!put.some(isMemory) && !remove.some(isMemory)) return change;
  const { put: _put, remove: _remove, ...event } = change;
  const keptPut = put.filter((record) => !isMemory(record));
  const keptRemove = remove.filter((key) => !isMemory(key));
  // Whether a client in memory only was queued or left is nobody's history.
  const isPlaceOnly = event.event === undefined || event.event === 'queued' || event.event === 'left';
  if (isPlaceOnly && keptPut.length + keptRemove.length === 0) return undefined;
  return {
    ...event,
    ...(keptPut.length > 0 ? { put: keptPut } : {}),
    ...(keptRemove.length > 0 ? { remove: keptRemove } : {}),
  };
}
