/** Why a prefix cannot be led. */

/** What stands in etcd is not what lockd writes: whoever leads here next finds the same. The message says what to do. */
export class PrefixDamaged extends Error {
  override readonly name = 'PrefixDamaged';
}
