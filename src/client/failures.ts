/** The texts of the ways in which a call can fail: each names the address, says what happened, and what to do. */
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import { urlText } from './daemon-url.js';
import { AnotherCluster, NoDaemon, NotLockd, OutcomeUnknown, RefusedCall, Unauthorized } from './errors.js';

const RIGHT_ADDRESS = 'with --url or LOCKD_URL';

/** No connection could be made to any of these, in so many tries of each. */
export function nobodyAnswers(urls: readonly URL[], reason: string, tries: number): NoDaemon {
  return new NoDaemon(
    `No daemon answers at ${urls.map(urlText).join(' or ')} (${reason}; ${tries === 1 ? '1 try' : `${tries} tries`}). ` +
      `Start one with: lockd serve. Or name the right address ${RIGHT_ADDRESS}`,
  );
}

/**
 * A member answers, and says that another one leads: that one does not answer (`problem`), or is none of these addresses, and
 * then it is not called, for whoever wrote its address may be anybody.
 */
export function doesNotLead(
  { code, message, isRepeat, leader = '' }: RefusedCall,
  urls: readonly URL[],
  problem: string | undefined,
): RefusedCall {
  const given = urls.map(urlText);
  const text =
    problem === undefined
      ? `${message}. That is none of the addresses that were given, and no other is called. ` +
        `Name it, too, ${RIGHT_ADDRESS}: ${[...given, leader].join(',')}`
      : `${message}, which does not answer (${problem})`;
  return new RefusedCall(code, text, isRepeat, leader);
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

/** The stream of events was cut, or ended. */
export function streamCut(url: URL, problem: string): NoDaemon {
  return new NoDaemon(`The daemon at ${urlText(url)} tells no events any more (${problem})`);
}

const USER_AND_SECRET = 'LOCKD_USER with LOCKD_SECRET_FILE, or LOCKD_URL=http://USER:SECRET@HOST:PORT';

/** No user was named, or not the right secret. */
export function notLetIn(url: URL, user: string | undefined): Unauthorized {
  return new Unauthorized(
    user === undefined
      ? `${urlText(url)} lets nobody in who names no user. Set ${USER_AND_SECRET} (in a program: user and secret)`
      : `${urlText(url)} does not know the user '${user}' with this secret. Set ${USER_AND_SECRET}; ` +
          'a new secret comes from: lockd user add',
  );
}

/** No certificate was shown, or not the right one. `problem` is the daemon's sentence. */
export function certificateWanted(url: URL, problem: string): Unauthorized {
  return new Unauthorized(
    `${urlText(url)} wants to see another certificate (${problem}). Set LOCKD_CERT and LOCKD_KEY (in a program: tls)`,
  );
}

/** Somebody is at this address whose certificate does not prove that it is the daemon. */
export function notTrusted(url: URL, problem: string): NotLockd {
  return new NotLockd(
    `The certificate of ${urlText(url)} is not trusted (${problem}). Name the address as it stands in the certificate, ` +
      'and the authority that signed it with --ca or LOCKD_CA (in a program: tls)',
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
