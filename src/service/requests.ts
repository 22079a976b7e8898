/** What callers ask, checked and made into commands. */
import type {
  CancelCommand,
  CheckCommand,
  ConfirmFencedCommand,
  EnqueueCommand,
  ExtendCommand,
  ForceUnlockCommand,
  ListCommand,
  LockCommand,
  RenewCommand,
  UnlockCommand,
  UpdateCommand,
  WaitCommand,
} from '../core/commands.js';
import {
  DEFAULT_HISTORY_COUNT,
  DEFAULT_LIST_COUNT,
  MAX_CLAIM_SECONDS,
  MAX_HISTORY_COUNT,
  MAX_LIMIT,
  MAX_LIST_COUNT,
  MAX_TTL_SECONDS,
  MAX_WAIT_SECONDS,
  MIN_TTL_SECONDS,
} from '../core/limits.js';
import { BadParameter } from '../core/refusals.js';
import type { HistoryQuery } from '../store/port.js';
import type {
  CallContext,
  ConfirmFencedOptions,
  EnqueueOptions,
  ExtendOptions,
  ForceUnlockOptions,
  HistoryOptions,
  ListOptions,
  LockOptions,
  RenewOptions,
  TokenOptions,
  UnlockOptions,
  UpdateOptions,
  WaitOptions,
} from './api.js';
import {
  check,
  checkClient,
  checkFlag,
  checkNote,
  checkOptions,
  checkRequest,
  checkResource,
  checkSeconds,
  checkText,
  checkWhole,
  eventId,
  stateProblem,
  tokenDigits,
} from './parameters.js';

/** What this daemon makes of a ttl, in seconds. */
export interface TtlRules {
  readonly defaultTtl?: number;
  readonly maxTtl?: number;
}

/** Who asks, and when the request had been read. */
export type Asker = Required<Pick<CallContext, 'from' | 'received'>> &
  Pick<CallContext, 'inSequence' | 'user'>;

const ENQUEUE_OPTIONS = ['ttl', 'limit', 'note', 'request', 'claim'];
const LOCK_OPTIONS = ['wait', ...ENQUEUE_OPTIONS];

export class Requests {
  readonly #maxTtl: number;
  readonly #defaultTtl: number | undefined;

  constructor({ defaultTtl, maxTtl }: TtlRules) {
    this.#maxTtl = Math.min(maxTtl ?? MAX_TTL_SECONDS, MAX_TTL_SECONDS);
    // Who bounds leases wants no lock without one.
    this.#defaultTtl = defaultTtl ?? maxTtl;
  }

  lock(resource: string, client: string, options: LockOptions, asker: Asker): LockCommand {
    checkOptions(options, LOCK_OPTIONS);
    const { wait = 0, ...asked } = options;
    checkSeconds('wait', wait, 0, MAX_WAIT_SECONDS);
    const command = this.#asked(resource, client, asked, asker);
    return { kind: 'lock', ...command, wait: asker.inSequence ? 0 : wait };
  }

  enqueue(resource: string, client: string, options: EnqueueOptions, asker: Asker): EnqueueCommand {
    checkOptions(options, ENQUEUE_OPTIONS);
    return { kind: 'enqueue', ...this.#asked(resource, client, options, asker) };
  }

  #asked(resource: string, client: string, options: EnqueueOptions, { from, received }: Asker) {
    checkPair(resource, client);
    const { ttl = 0, limit, note, request, claim } = options;
    if (ttl !== 0) this.#checkTtl(ttl);
    if (limit !== undefined) checkWhole('limit', limit, 1, MAX_LIMIT);
    if (claim !== undefined) checkSeconds('claim', claim, 0, MAX_CLAIM_SECONDS);
    checkNote('note', note);
    checkRequest(request);
    const lease = ttl === 0 ? this.#defaultTtl : ttl;
    return {
      resource,
      client,
      from,
      received,
      ...given({ ttl: lease, askedTtl: ttl === 0 ? undefined : ttl, limit, note, request, claim }),
    };
  }

  renew(resource: string, client: string, options: RenewOptions, asker: Asker): RenewCommand {
    checkPair(resource, client);
    checkOptions(options, ['ttl', 'token']);
    const { ttl } = options;
    if (ttl !== undefined) this.#checkTtl(ttl);
    return {
      kind: 'renew',
      resource,
      client,
      ...tokenOf(options),
      ...given({ ttl, user: asker.user?.name }),
    };
  }

  extend(
    resource: string,
    client: string,
    seconds: number,
    options: ExtendOptions,
    { user }: Asker,
  ): ExtendCommand {
    checkPair(resource, client);
    checkSeconds('seconds', seconds, MIN_TTL_SECONDS, this.#maxTtl);
    checkOptions(options, ['token']);
    const rest = { ...tokenOf(options), ...given({ user: user?.name }) };
    return { kind: 'extend', resource, client, seconds, mostSeconds: this.#maxTtl, ...rest };
  }

  update(resource: string, client: string, options: UpdateOptions, asker: Asker): UpdateCommand {
    checkPair(resource, client);
    checkOptions(options, ['note', 'ttl', 'newClient', 'token']);
    const { note, ttl, newClient } = options;
    checkNote('note', note);
    if (ttl !== undefined) this.#checkTtl(ttl);
    if (newClient !== undefined) checkClient(newClient, 'newClient');
    if (note === undefined && ttl === undefined && newClient === undefined) {
      throw new BadParameter('options', 'must have a note, a ttl or a newClient: there is nothing to update');
    }
    const { from, user } = asker;
    const changes = given({ note, ttl, newClient, user: user?.name });
    return { kind: 'update', resource, client, by: who(asker), from, ...changes, ...tokenOf(options) };
  }

  #checkTtl(ttl: number): void {
    checkSeconds('ttl', ttl, MIN_TTL_SECONDS, this.#maxTtl);
  }
}

export function waitCommand(
  resource: string,
  client: string,
  seconds: number,
  options: WaitOptions,
  { received, inSequence }: Asker,
): WaitCommand {
  checkPair(resource, client);
  checkSeconds('seconds', seconds, 0, MAX_WAIT_SECONDS);
  checkOptions(options, ['request']);
  checkRequest(options.request);
  const { request } = options;
  return { kind: 'wait', resource, client, wait: inSequence ? 0 : seconds, received, ...given({ request }) };
}

export function cancelCommand(resource: string, client: string): CancelCommand {
  checkPair(resource, client);
  return { kind: 'cancel', resource, client };
}

export function unlockCommand(resource: string, client: string, options: UnlockOptions): UnlockCommand {
  checkPair(resource, client);
  checkOptions(options, ['token']);
  return { kind: 'unlock', resource, client, ...tokenOf(options) };
}

export function checkCommand(resource: string, token: string | number): CheckCommand {
  checkResource(resource);
  return { kind: 'check', resource, token: tokenDigits(token) };
}

/** Without the aftermath, which is the fencing's to say. */
export function forceUnlockCommand(
  resource: string,
  options: ForceUnlockOptions,
  asker: Asker,
): Omit<ForceUnlockCommand, 'aftermath'> {
  checkResource(resource);
  checkOptions(options, ['reason', 'client', 'token', 'fenced']);
  const { reason, client, fenced } = options;
  checkReason(reason);
  if (client !== undefined) checkClient(client);
  checkFlag('fenced', fenced);
  return {
    kind: 'forceUnlock',
    resource,
    reason,
    by: who(asker),
    fenced: fenced ?? false,
    ...given({ client }),
    ...tokenOf(options),
  };
}

export function confirmFencedCommand(
  resource: string,
  options: ConfirmFencedOptions,
  asker: Asker,
): ConfirmFencedCommand {
  checkResource(resource);
  checkOptions(options, ['reason', 'token']);
  checkReason(options.reason);
  return { kind: 'confirmFenced', resource, reason: options.reason, by: who(asker), ...tokenOf(options) };
}

export function listCommand(options: ListOptions): ListCommand {
  checkOptions(options, ['prefix', 'client', 'state', 'count', 'after']);
  const { prefix, client, state, count = DEFAULT_LIST_COUNT, after = '' } = options;
  for (const [name, text] of Object.entries({ prefix, client, after })) checkText(name, text);
  checkWhole('count', count, 1, MAX_LIST_COUNT);
  if (state !== undefined) check('state', stateProblem(state));
  return { kind: 'list', count, after, ...given({ prefix, client, state }) };
}

export function historyQuery(options: HistoryOptions): HistoryQuery {
  checkOptions(options, ['resource', 'client', 'count', 'before']);
  const { resource, client, count = DEFAULT_HISTORY_COUNT, before } = options;
  checkText('resource', resource);
  checkText('client', client);
  checkWhole('count', count, 1, MAX_HISTORY_COUNT);
  const id = before === undefined ? undefined : eventId('before', before);
  return { count, ...given({ resource, client, before: id }) };
}

function checkPair(resource: string, client: string): void {
  checkResource(resource);
  checkClient(client);
}

function checkReason(reason: unknown): void {
  checkNote('reason', reason ?? '');
  check('reason', String(reason ?? '').trim() === '' ? 'must say why; it is empty' : undefined);
}

function tokenOf({ token }: TokenOptions): { token?: string } {
  return token === undefined ? {} : { token: tokenDigits(token) };
}

/** What is there, without the members that are undefined. */
function given<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: Exclude<Members[Name], undefined> } {
  const present: Partial<Members> = {};
  for (const name in members) if (members[name] !== undefined) present[name] = members[name];
  return present as { [Name in keyof Members]?: Exclude<Members[Name], undefined> };
}

/** Who forced: the user, or else an address without its port, because which connection it was says nothing. */
function who({ from, user }: Asker): string {
  return user?.name ?? from.replace(/:\d+$/, '');
}
