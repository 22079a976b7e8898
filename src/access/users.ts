/** The users of a daemon, to be found by what they show. Unchanging: a file that is read again makes new ones. */
import { hashOf, isSecretOf } from './secret.js';
import type { User } from './user.js';

/** What is kept of a user. */
export interface UserRecord {
  readonly user: User;
  /** As `hashOf` answers it. */
  readonly secretHash: string;
}

/** What somebody shows who wants in: with HTTP Basic both, with Bearer the secret alone. */
export interface Credentials {
  readonly name?: string;
  readonly secret: string;
}

export class Users {
  readonly #byName: ReadonlyMap<string, UserRecord>;
  readonly #bySecretHash: ReadonlyMap<string, User>;

  /** @param records no two of the same name or secret. */
  constructor(records: readonly UserRecord[]) {
    this.#byName = new Map(records.map((record) => [record.user.name, record]));
    this.#bySecretHash = new Map(records.map(({ user, secretHash }) => [secretHash, user]));
  }

  /** Whose credentials these are. How long that takes tells neither whether a name exists nor how much of a secret is right. */
  find({ name, secret }: Credentials): User | undefined {
    // The hash is looked up, of which somebody who guesses secrets controls no digit.
    if (name === undefined) return this.#bySecretHash.get(hashOf(secret));
    const record = this.#byName.get(name);
    return isSecretOf(secret, record?.secretHash) ? record?.user : undefined;
  }
}
