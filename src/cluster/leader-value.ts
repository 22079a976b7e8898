/** What stands at the leader's key. */

/** Who leads. */
export interface LeaderValue {
  /** Where clients reach it. */
  readonly url: string;
  /** Random, of one candidacy: two of one member have different ones. */
  readonly candidacy: string;
}

/** All that may stand in a URL: it goes into headers and onto terminals. */
const URL_TEXT = /^https?:\/\/[!-~]{1,2000}$/;

export function writeLeader({ url, candidacy }: LeaderValue): string {
  return JSON.stringify({ url, candidacy });
}

/** Undefined for what no lockd wrote. */
export function readLeader(text: string): LeaderValue | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('url' in value) || !('candidacy' in value))
    return undefined;
  const { url, candidacy } = value;
  if (typeof url !== 'string' || !URL_TEXT.test(url) || typeof candidacy !== 'string') return undefined;
  return { url, candidacy };
}
