/**
 * The table of refusals: one row gives the fault code, the text, the exit status of the command line, and whether trying
 * again can help. The rows stand in order of precedence. A refusal is an ordinary answer, decided as a value; outside
 * the core it travels as the error `Refusal`.
 */
import { MAX_HELD_LOCKS } from './limits.js';

/** What each refusal needs to know to say what happened. Times are milliseconds since 1970, UTC. */
interface RefusalDetails {
  lost: { resource: string; client: string; token: number; time: number; by: string; reason: string };
  staleToken: { resource: string; client: string; token: string };
  unreadable: { resource: string; file: string };
  notOwner: { holders: readonly string[]; client: string };
  notLocked: object;
  limitMismatch: { resource: string; limit: number; asked: number };
  held: { holders: readonly string[] };
  tooMany: object;
  storageFull: { directory: string; problem?: string };
  unavailable: { problem: string };
}

export type RefusalName = keyof RefusalDetails;

export interface RefusalRow<Details> {
  /** The XML-RPC fault code and `Refusal.code`. */
  readonly code: number;
  /** The exit status of the command line. */
  readonly exit: number;
  /** Whether the same call may succeed later. */
  readonly retry: boolean;
  /** One line for the documentation: when this is answered. */
  readonly when: string;
  text(details: Details): string;
}

/** How many holders a text names before it counts the rest. */
const NAMED_HOLDERS = 10;

function quoted(clients: readonly string[]): string {
  const named = clients.slice(0, NAMED_HOLDERS).map((client) => `'${client}'`);
  const more = clients.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more.toLocaleString('en')} more` : '');
}

/** `2026-11-21T08:15:00Z`: UTC, whole seconds. */
function utc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** The texts of notOwner, notLocked and held are those of gocept.lockd (2008), to the letter: scripts compare them. */
export const REFUSALS: { readonly [Name in RefusalName]: RefusalRow<RefusalDetails[Name]> } = {
  lost: {
    code: 8,
    exit: 76,
    retry: false,
    when: 'the hold ended against its holder’s will, at most a day ago',
    text: ({ resource, client, token, time, by, reason }) =>
      `'${client}' lost '${resource}' (token ${token}) at ${utc(time)}: forced by '${by}': ${reason}. Stop work on it`,
  },
  staleToken: {
    code: 10,
    exit: 76,
    retry: false,
    when: 'the call names a token that is not that of the hold',
    text: ({ resource, client, token }) => `Token ${token} is not the hold of '${client}' on '${resource}'`,
  },
  unreadable: {
    code: 12,
    exit: 1,
    retry: false,
    when: 'the lock file of the resource cannot be read',
    text: ({ resource, file }) =>
      `'${resource}' is locked by '?': its lock file ${file} cannot be read. Look at it, then forceUnlock`,
  },
  notOwner: {
    code: 2,
    exit: 1,
    retry: false,
    when: 'somebody else holds the resource',
    text: ({ holders, client }) => `Resource locked by ${quoted(holders)} cannot be unlocked by '${client}'`,
  },
  notLocked: {
    code: 3,
    exit: 1,
    retry: false,
    when: 'nobody holds the resource',
    text: () => 'Resource not locked',
  },
  limitMismatch: {
    code: 5,
    exit: 1,
    retry: false,
    when: 'the resource is in use with another limit',
    text: ({ resource, limit, asked }) =>
      `'${resource}' is in use with limit ${limit}, not ${asked}; use limit ${limit}, or wait until nobody holds or waits`,
  },
  held: {
    code: 1,
    exit: 1,
    retry: true,
    when: 'as many hold the resource as its limit allows, or the caller holds it already',
    text: ({ holders }) => `Resource already locked by ${quoted(holders)}`,
  },
  tooMany: {
    code: 14,
    exit: 75,
    retry: true,
    when: 'the daemon holds as many locks as it can',
    text: () => `${MAX_HELD_LOCKS.toLocaleString('en')} locks are held, the most allowed; unlock some first`,
  },
  storageFull: {
    code: 15,
    exit: 75,
    retry: true,
    when: 'the change cannot be saved: the disk is full or refuses to be written',
    text: ({ directory, problem }) =>
      problem === undefined
        ? `No space left in ${directory}; nothing was changed`
        : `${directory} cannot be written (${problem}); nothing was changed`,
  },
  unavailable: {
    code: 16,
    exit: 69,
    retry: true,
    when: 'the daemon is stopping',
    text: ({ problem }) => problem,
  },
};

/** A refusal as the core decides it: which row, and what its text needs. */
export type Refused = {
  [Name in RefusalName]: { readonly refusal: Name; readonly details: RefusalDetails[Name] };
}[RefusalName];

/** The text of a refusal as the table has it. */
function refusalText<Name extends RefusalName>(refused: {
  readonly refusal: Name;
  readonly details: RefusalDetails[Name];
}): string {
  return REFUSALS[refused.refusal].text(refused.details);
}

/** lockd says no: `code` is the XML-RPC fault code, `message` the text, `refusal` the name of the row. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  readonly refusal: RefusalName;

  constructor(refused: Refused) {
    super(refusalText(refused));
    this.refusal = refused.refusal;
    this.code = REFUSALS[refused.refusal].code;
  }
}

/** A parameter that no state of the daemon could accept; `message` names it. On the wire: fault -32602. */
export class BadParameter extends Error {
  override readonly name = 'BadParameter';
  constructor(
    readonly parameter: string,
    problem: string,
  ) {
    super(`parameter '${parameter}' ${problem}`);
  }
}
