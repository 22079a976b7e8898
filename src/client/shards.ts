/** Independent daemons, each with a part of the resources: which one has which. */
import { crc32 } from 'node:zlib';
import type { Calls } from './calls.js';

/** The index, from 0, of the daemon among `count` that has this resource. The same on every client, or there is no lock. */
export type ShardOf = (resource: string, count: number) => number;

/** CRC-32 of the name in UTF-8, modulo the number of daemons, as the clients of dflockd have it. */
export const crc32Shard: ShardOf = (resource, count) => crc32(resource) % count;

export class Shards {
  constructor(
    readonly all: readonly [Calls, ...Calls[]],
    private readonly shardOf: ShardOf,
  ) {}

  /** The daemon that has this resource. Throws a RangeError where `shardOf` answers no index. */
  of(resource: string): Calls {
    if (this.all.length === 1) return this.all[0];
    const index = this.shardOf(resource, this.all.length);
    const shard = this.all[index];
    if (shard) return shard;
    throw new RangeError(
      `shardOf('${resource}', ${this.all.length}) must answer 0 to ${this.all.length - 1}, not ${index}`,
    );
  }

  /** The only daemon. Throws an Error where there are several. */
  only(method: string): Calls {
    if (this.all.length === 1) return this.all[0];
    throw new Error(
      `${method} asks one daemon, and this client has ${this.all.length} shards: make a client with the url of one of them`,
    );
  }
}
