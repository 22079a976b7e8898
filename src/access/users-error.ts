/** A users file that cannot be used, or a change of it that is refused; `message` names file and user, and says what to do. */
export class UsersError extends Error {
  override readonly name = 'UsersError';
}
