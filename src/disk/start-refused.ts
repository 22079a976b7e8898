/** The daemon will not start here; `message` says what is wrong, where, and what to do about it. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
