/** The texts of the ways in which a call can fail: each names the address, says what happened, and what to do. */
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import { urlText } from './daemon-url.js';
import { AnotherCluster, NoDaemon, NotLockd, OutcomeUnknown, RefusedCall } from './errors.js';

const RIGHT_ADDRESS = 'with --url or LOCKD_URL';

/** No connection could be made to any of these, in so many tries of each. */
export function nobodyAnswers(urls: readonly URL[], reason: string, tries: number): NoDaemon {
  return new NoDaemon(
    `No daemon answers at ${urls.map(urlText).join(' or ')} (${reason}; ${tries === 1 ? '1 try' : `${tries} tries`}). ` +
      `Start one with: lockd serve. Or name the right address ${RIGHT_ADDRESS}`,
  );
}

/** The call cannot be written as XML, and was not sent. */
export function cannotBeSent(method: string, error: unknown): RefusedCall {
  const problem = error instanceof Error ? error.message : String(error);
  return new RefusedCall(BAD_PARAMETERS, `${method}: a parameter cannot be written as XML: ${problem}`);
}

/** The call was sent, and no answer came that could be read. */
export function answerLost(url: URL, method: string, problem: string, onlyAsks: boolean) {
  if (onlyAsks) {
    return new NoDaemon(
      `The daemon at ${urlText(url)} did not answer ${method} (${problem}). Try again, and look at its log`,
    );
  }
  return new OutcomeUnknown(
    `The daemon at ${urlText(url)} was sent ${method}, but its answer was lost (${problem}): ` +
      'it may have been carried out or not',
  );
}

/** Somebody answers who is no lockd. */
export function notLockd(url: URL, problem: string): NotLockd {
  return new NotLockd(
    `${urlText(url)} does not answer as a lockd does (${problem}). ` +
      `Is it the address of a lockd? Name the right one ${RIGHT_ADDRESS}`,
  );
}

/** The answer points elsewhere: a lock daemon never does, and what it points to may be anybody's. */
export function redirects(url: URL, location: string): NotLockd {
  return new NotLockd(
    `${urlText(url)} answers with a redirect to ${location}, and none is followed. ` +
      `Name the address of the daemon itself ${RIGHT_ADDRESS}`,
  );
}

/** A lockd answers, and yet not as expected. */
export function otherVersion(url: URL, method: string, problem: string): NotLockd {
  return new NotLockd(
    `The answer of ${urlText(url)} to ${method} ${problem}. Is it a lockd of another version? Look with: lockd ping`,
  );
}

/** Another lock directory answers than before. */
export function anotherCluster(url: URL, id: string, expected: string): AnotherCluster {
  return new AnotherCluster(
    `${urlText(url)} belongs to another cluster (${id}) than the daemon that answered before (${expected}): ` +
      'together they would grant one lock twice. Name only addresses of one cluster; independent daemons are shards',
  );
}
