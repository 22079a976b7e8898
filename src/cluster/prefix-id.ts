/** The id of a prefix: made by whoever comes first, and never changed. */
import type { Kv } from '../etcd/kv.js';
import type { Keys } from '../store/etcd/keys.js';

/** It stands in a header of every answer. */
const ID = /^[!-~]{1,100}$/;

/** What stands below the prefix is not what was there, or nothing that lockd made: whoever goes on would answer for another's locks. */
export class PrefixChanged extends Error {
  override readonly name = 'PrefixChanged';
}

/** The id that is there, or `made`, which is put there; the same for all who ask. Rejects with `KvError`, or `PrefixChanged`. */
export async function idOfPrefix(kv: Kv, keys: Keys, made: string, timeoutMs: number): Promise<string> {
  const get = { kind: 'get', key: keys.id } as const;
  // Read by itself first: a full etcd refuses whatever might put something.
  const before = await kv.transact({ compare: [], success: [get] }, timeoutMs);
  const found = before.found[0]?.[0] ?? (await putId(kv, keys, made, timeoutMs));
  if (found === undefined) return made;
  if (ID.test(found.value)) return found.value;
  throw new PrefixChanged(
    `What stands at ${keys.id} in etcd is no id of lockd's: ${keys.prefix} is somebody else's; give another prefix`,
  );
}

/** Answers what was there before us; undefined: `made` is there now. */
async function putId(kv: Kv, keys: Keys, made: string, timeoutMs: number) {
  const { succeeded, found } = await kv.transact(
    {
      compare: [{ key: keys.id, createRevision: 0 }],
      success: [{ kind: 'put', key: keys.id, value: made }],
      failure: [{ kind: 'get', key: keys.id }],
    },
    timeoutMs,
  );
  return succeeded ? undefined : found[0]?.[0];
}

/** Throws `PrefixChanged` where the prefix is not the one that it was. `found`: what stands at its key for the id. */
export function assertSameId(keys: Keys, id: string, found: string | undefined): void {
  if (found === id) return;
  const what = found === undefined ? 'is gone' : `was '${id}' and is '${found.slice(0, 100)}' now`;
  throw new PrefixChanged(
    `The id at ${keys.id} in etcd ${what}: somebody removed or replaced what stands below ${keys.prefix}, and with it ` +
      'what was locked. Nobody knows any more who holds what: see to it that nobody works under an old lock, ' +
      'then start every daemon anew',
  );
}

/**
 * etcd's revision only rises: one that fell says that it was set back to an older copy, in which the id is the same and
 * whatever was locked since then is forgotten.
 */
export class Revisions {
  constructor(
    private readonly keys: Keys,
    private highest = 0,
  ) {}

  /** Throws `PrefixChanged` where `revision`, read after all others that were given, is lower than one of them. */
  assertNotBefore(revision: number): void {
    if (revision < this.highest) {
      throw new PrefixChanged(
        `etcd has gone back from revision ${this.highest} to ${revision}: it was restored from an older copy, and what was ` +
          `locked below ${this.keys.prefix} since then is forgotten. See to it that nobody works under an old lock, then ` +
          'start every daemon anew',
      );
    }
    this.highest = revision;
  }
}
