/** What a member of a cluster says that does not lead: the stream and the locks are the leader's. Pure. */

/** The daemon does not lead. `message` is what it says of that, a sentence without its full stop. */
export class NotLeading extends Error {
  override readonly name = 'NotLeading';
  constructor(
    message: string,
    /** Where the leader is called; absent where none is known, or where it is nothing to follow. */
    readonly leader: URL | undefined,
  ) {
    super(message);
  }
}

/** The address, where a person may follow it. */
export function readLeader(header: string | null): URL | undefined {
  if (header === null || !URL.canParse(header)) return undefined;
  const url = new URL(header);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** The first problem of `{"status":"notReady","problems":["..."]}`. */
export function problemIn(text: string): string | undefined {
  try {
    const { problems } = JSON.parse(text) as { readonly problems?: readonly unknown[] };
    return problems?.find((problem) => typeof problem === 'string');
  } catch {
    return undefined;
  }
}
