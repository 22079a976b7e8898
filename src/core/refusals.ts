/**
 * The table of refusals: one row gives the fault code, the text, the exit status of the command line, and whether trying
 * again can help. The rows stand in order of precedence. A refusal is an ordinary answer, decided as a value; outside
 * the core it travels as the error `Refusal`.
 */
import type { LostRecord } from './records.js';

/** What each refusal needs to know to say what happened. Times are milliseconds since 1970, UTC. */
interface RefusalDetails {
  denied: DeniedDetails;
  requestReused: { request: string; parameters: readonly string[] };
  ended: { request: string; time: number; lost?: LostRecord };
  lost: LostRecord;
  staleToken: { resource: string; client: string; token: string };
  unreadable: { resource: string; file: string };
  notOwner: { holders: readonly string[]; client: string; deed: Deed };
  notLocked: object;
  notQueued: { resource: string; client: string; claim: number };
  alreadyInLine: { resource: string; client: string; position: number };
  limitMismatch: { resource: string; limit: number; asked: number };
  held: { holders: readonly string[] };
  fencing: FencingDetails;
  /** `most`: the limit in force. */
  lineFull: { resource: string; most: number };
  /** `client`: it is the client that has too many places; else the daemon has too many locks. */
  tooMany: { client?: string; most: number };
  timedOut: {
    resource: string;
    client: string;
    seconds: number;
    holders: readonly string[];
    state: 'held' | 'reserved' | 'fencing' | 'delayed';
    position: number;
  };
  takenOver: { request?: string };
  storageFull: { directory: string; problem?: string };
  unavailable: { problem: string } | NotLeaderDetails;
}

/** What the caller wanted to do with a hold, as the text has it. */
export type Deed = 'unlocked' | 'renewed' | 'extended' | 'updated';

interface FencingDetails {
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  /** Seconds since it was lost. */
  readonly since: number;
  readonly state: 'fencing' | 'delayed';
  readonly tries: number;
  readonly lastError?: string;
}

/** What a user may not do, and what it may instead. */
interface DeniedDetails {
  readonly user: string;
  readonly role: string;
  readonly method: string;
  /** Absent where the call names none. */
  readonly resource?: string;
  /** The option that is too much, where that is why. */
  readonly option?: string;
  /** The client name that is not the user's, where that is why. */
  readonly client?: string;
  /** The role that it takes, where that is why. */
  readonly takes?: string;
  /** What the user may, of the kind that was too much: patterns of resources, names of clients, or methods. */
  readonly may: readonly string[];
}

/** A member of a cluster was called that does not lead it. */
export interface NotLeaderDetails {
  /** The address of the member that was called. */
  readonly member: string;
  /** That of the one that leads; absent where none is known. */
  readonly leader?: string | undefined;
  /** What is in the way of there being one, where that is known: one sentence without a full stop. */
  readonly why?: string | undefined;
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

/** How many patterns or methods: as many as fit on a screen. */
const NAMED_RIGHTS = 20;

function quoted(clients: readonly string[]): string {
  const named = clients.slice(0, NAMED_HOLDERS).map((client) => `'${client}'`);
  return named.join(', ') + more(clients.length - NAMED_HOLDERS);
}

function more(count: number): string {
  return count > 0 ? ` and ${count.toLocaleString('en')} more` : '';
}

/** `2026-11-21T08:15:00Z`: UTC, whole seconds. */
function utc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Seconds as a person reads them: `0.5`, `12`, `3,600`. */
function seconds(value: number): string {
  const digits = value < 10 ? 1 : 0;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} s`;
}

/** How a hold came to its end against its holder's will. */
function loss({ cause, by, reason }: LostRecord): string {
  if (cause === 'expired') return 'lease ended';
  const deed = cause === 'forced' ? 'forced' : 'handed over';
  return `${deed} by '${by}': ${reason}`;
}

function fencing({ resource, client, token, since, state, tries, lastError }: FencingDetails): string {
  const lost = `'${client}' (token ${token}) was lost ${seconds(since)} ago`;
  if (state === 'delayed')
    return `'${resource}' rests: ${lost}; it is free again when the lock-delay is over`;
  const runs =
    tries === 0
      ? 'the fence command has not succeeded yet'
      : `the fence command failed ${tries === 1 ? 'once, with' : `${tries.toLocaleString('en')} times, last with`} ${lastError}`;
  return `'${resource}' is being fenced: ${lost}; ${runs}; it waits for success or confirmFenced`;
}

function denied({ user, role, method, resource, option, client, takes, may }: DeniedDetails): string {
  const deed = [
    method,
    resource === undefined ? '' : ` '${resource}'`,
    option === undefined ? '' : ` with ${option}`,
    client === undefined ? '' : ` as '${client}'`,
    takes === undefined ? '' : `, which takes the role ${takes}`,
  ];
  const named = may.slice(0, NAMED_RIGHTS).join(', ') + more(may.length - NAMED_RIGHTS);
  return `User '${user}' (${role}) may not ${deed.join('')}; it may${client === undefined ? '' : ' as'}: ${named}`;
}

/** What a member that does not lead says to everything it is asked, over HTTP too. */
export function notLeaderText({ member, leader, why }: NotLeaderDetails): string {
  // One that led and started anew reads its own address for as long as its old lease lives.
  if (leader !== undefined && leader !== member) return `${member} is not the leader, ask ${leader}`;
  const trouble = why === undefined ? '' : ` (${why})`;
  return `${member} is not the leader, and there is none at present${trouble}; try again in a few seconds`;
}

const STILL: { readonly [State in RefusalDetails['timedOut']['state']]: string } = {
  held: 'is still locked by',
  reserved: 'is kept for',
  fencing: 'is still being fenced from',
  delayed: 'still rests after',
};

/** The texts of notOwner, notLocked and held are those of gocept.lockd (2008), to the letter: scripts compare them. */
export const REFUSALS: { readonly [Name in RefusalName]: RefusalRow<RefusalDetails[Name]> } = {
  denied: {
    code: 13,
    exit: 77,
    retry: false,
    when: 'the user who calls may not do this, not to this resource, or not under this client name',
    text: denied,
  },
  requestReused: {
    code: 11,
    exit: 2,
    retry: false,
    when: 'the retry key came before with another `ttl`, `limit`, `note` or `claim`',
    text: ({ request, parameters }) =>
      `Request '${request}' came before with other parameters (${parameters.join(', ')}); use a new one`,
  },
  ended: {
    code: 17,
    exit: 1,
    retry: false,
    when: 'the hold of this retry key has ended',
    text: ({ request, time, lost }) =>
      `The hold of request '${request}' ended at ${utc(time)}: ${lost ? loss(lost) : 'unlocked'}`,
  },
  lost: {
    code: 8,
    exit: 76,
    retry: false,
    when: 'the hold ended against its holder’s will, at most a day ago',
    text: (lost) =>
      `'${lost.client}' lost '${lost.resource}' (token ${lost.token}) at ${utc(lost.time)}: ${loss(lost)}. Stop work on it`,
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
    text: ({ holders, client, deed }) =>
      `Resource locked by ${quoted(holders)} cannot be ${deed} by '${client}'`,
  },
  notLocked: {
    code: 3,
    exit: 1,
    retry: false,
    when: 'nobody holds the resource',
    text: () => 'Resource not locked',
  },
  notQueued: {
    code: 6,
    exit: 1,
    retry: false,
    when: 'the client has no place in the line',
    text: ({ resource, client, claim }) =>
      `'${client}' is not in the line for '${resource}' (never queued, or away for more than ${seconds(claim)}); call enqueue`,
  },
  alreadyInLine: {
    code: 18,
    exit: 1,
    retry: false,
    when: 'the client has a place in the line, and asks for a second one',
    text: ({ resource, client, position }) =>
      `'${client}' is already number ${position.toLocaleString('en')} in the line for '${resource}'`,
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
    when: 'as many hold the resource as its limit allows, or it is kept for the first in line, or the caller holds it already',
    text: ({ holders }) => `Resource already locked by ${quoted(holders)}`,
  },
  fencing: {
    code: 9,
    exit: 75,
    retry: true,
    when: 'nobody holds the resource any more, but whoever lost it is not fenced yet',
    text: fencing,
  },
  lineFull: {
    code: 7,
    exit: 75,
    retry: true,
    when: 'the line for the resource has no place left',
    text: ({ resource, most }) =>
      `The line for '${resource}' is full (${most.toLocaleString('en')}), the most allowed (--max-waiters)`,
  },
  tooMany: {
    code: 14,
    exit: 75,
    retry: true,
    when: 'the daemon holds as many locks as it can, or the client waits in as many lines as it may',
    text: ({ client, most }) =>
      client === undefined
        ? `${most === 1 ? '1 lock is' : `${most.toLocaleString('en')} locks are`} held, the most allowed (--max-locks); unlock some first`
        : `'${client}' has ${most === 1 ? '1 place' : `${most.toLocaleString('en')} places`} in lines, the most allowed (--max-waiters-per-client)`,
  },
  timedOut: {
    code: 4,
    exit: 75,
    retry: true,
    when: 'the resource did not come free in the time that the call would wait',
    text: ({ resource, client, seconds: waited, holders, state, position }) =>
      `Gave up after ${seconds(waited)}: '${resource}' ${STILL[state]} ${quoted(holders)}; ` +
      `'${client}' was number ${position.toLocaleString('en')} in the line`,
  },
  takenOver: {
    code: 19,
    exit: 75,
    retry: false,
    when: 'another call waits on the same place now',
    text: ({ request }) =>
      `Another call ${request === undefined ? '' : `with request '${request}' `}took over the waiting`,
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
    when: 'the daemon is stopping, or does not lead its cluster',
    text: (details) => ('problem' in details ? details.problem : notLeaderText(details)),
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
