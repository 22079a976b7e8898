/**
 * Which resources and clients the history of a closed segment speaks of, remembered in little room, so that whoever asks
 * for others need not read it again. Names are kept as 32-bit checksums: two that meet cost a needless read, never an
 * event.
 */
import { crc32 } from 'node:zlib';
import type { Change } from '../../core/records.js';

/** Of a segment that speaks of more, nothing is remembered: 1 MiB, more than 64 MiB of turns have in practice. */
const MAX_NAMES_PER_SEGMENT = 262_144;

/** Of all segments together: 16 MiB. */
const MAX_NAMES = 4_194_304;

/** Those that are asked for. */
export interface Names {
  readonly resource?: string;
  readonly client?: string;
}

/** Gathers the names of one segment while it is read. */
export class NameGathering {
  readonly #hashes = new Set<number>();

  add(changes: readonly Change[]): void {
    if (this.isTooMuch) return;
    for (const { resource, client } of changes) {
      this.#hashes.add(hash('resource', resource));
      this.#hashes.add(hash('client', client));
    }
  }

  get isTooMuch(): boolean {
    return this.#hashes.size > MAX_NAMES_PER_SEGMENT;
  }

  get hashes(): Uint32Array {
    return Uint32Array.from(this.#hashes);
  }
}

/** What is remembered of segments, by the names of their files; those that nobody asked about for longest go first. */
export class SegmentNames {
  readonly #segments = new Map<string, Uint32Array>();
  #size = 0;

  constructor(private readonly maxNames = MAX_NAMES) {}

  knows(segment: string): boolean {
    return this.#segments.has(segment);
  }

  /** To be called when all of the segment was read. */
  remember(segment: string, gathering: NameGathering): void {
    if (gathering.isTooMuch) return;
    this.forget(segment);
    const { hashes } = gathering;
    this.#segments.set(segment, hashes);
    this.#size += hashes.length;
    for (const oldest of this.#segments.keys()) {
      if (this.#size <= this.maxNames) break;
      this.forget(oldest);
    }
  }

  forget(segment: string): void {
    this.#size -= this.#segments.get(segment)?.length ?? 0;
    this.#segments.delete(segment);
  }

  /** False only where the segment for certain says nothing of them. */
  mayHave(segment: string, { resource, client }: Names): boolean {
    const hashes = this.#segments.get(segment);
    if (!hashes) return true;
    this.#segments.delete(segment);
    this.#segments.set(segment, hashes);
    return (
      (resource === undefined || hashes.includes(hash('resource', resource))) &&
      (client === undefined || hashes.includes(hash('client', client)))
    );
  }
}

function hash(kind: 'resource' | 'client', name: string): number {
  return crc32(name, crc32(kind));
}
