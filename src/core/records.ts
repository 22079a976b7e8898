/**
 * What lockd remembers, and how it changes. A record is the smallest thing that is stored: one per hold and per lost
 * hold, never one per resource, so that a change costs the same however many share a resource. A change is an event
 * (for the history) together with the records it writes and removes (for the state): whoever replays changes in order,
 * also the same ones twice, arrives at the same records.
 */

/** One client's possession of one resource. */
export interface HoldRecord {
  readonly kind: 'hold';
  readonly resource: string;
  readonly client: string;
  /** The fencing token: greater than that of every earlier grant on any resource. A safe integer. */
  readonly token: number;
  /** How many may hold the resource at once; the same in every hold of a resource. */
  readonly limit: number;
  /** Milliseconds since 1970, UTC. Only written down, never judged by. */
  readonly acquired: number;
  /** The caller's address as the daemon saw it; no proof of anything. */
  readonly from: string;
  /** Seconds from the reading of the request to the grant. */
  readonly waited: number;
  /** Why the client holds it, in its own words. */
  readonly note?: string;
}

/** What became of a hold that ended against its holder's will; kept so that the victim's next call can be told. */
export interface LostRecord {
  readonly kind: 'lost';
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  /** Who ended it, and why. */
  readonly by: string;
  readonly reason: string;
  /** The client was granted the resource again since: only a call that names this token asks about this hold. */
  readonly superseded?: true;
}

/** A resource whose lock file cannot be read. Never stored: the file itself is what is remembered. */
export interface UnreadableRecord {
  readonly kind: 'unreadable';
  readonly resource: string;
  /** Absolute paths of the files that claim the resource. */
  readonly files: readonly string[];
}

export type StoredRecord = HoldRecord | LostRecord;
export type TableRecord = StoredRecord | UnreadableRecord;

/** Names a record: its kind and the members that identify it. */
export type RecordKey =
  | { readonly kind: 'hold'; readonly resource: string; readonly client: string }
  | { readonly kind: 'lost'; readonly resource: string; readonly client: string; readonly token: number }
  | { readonly kind: 'unreadable'; readonly resource: string; readonly files: readonly string[] };

/** One text per record, for maps and key-value stores. Names hold no control characters, so NUL separates safely. */
export function recordKeyText(key: RecordKey): string {
  switch (key.kind) {
    case 'hold':
      return `hold\0${key.resource}\0${key.client}`;
    case 'lost':
      return `lost\0${key.resource}\0${key.client}\0${key.token}`;
    case 'unreadable':
      return `unreadable\0${key.resource}`;
  }
}

/** What happened, as history tells it. */
export type EventName = 'granted' | 'unlocked' | 'forced' | 'adopted';

/** One event and what it does to the records. `by` and `reason` say who did it against the holder's will. */
export interface Change {
  readonly event?: EventName;
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  readonly resource: string;
  readonly client: string;
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
