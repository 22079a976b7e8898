/** The rows of what a client does with a hold of its own. */
import { MAX_NOTE_CHARACTERS, MAX_WAIT_SECONDS } from '../../core/limits.js';
import { defineMethod, forOperators, type Method, optional } from '../method.js';
import { ASKED, count, TOKEN } from './options.js';

export const locking: readonly Method[] = [
  defineMethod({
    name: 'lock',
    role: 'client',
    parameters: { resource: 'string', client: 'string' },
    options: {
      wait: optional(
        'seconds',
        `seconds to wait in the line, up to ${count(MAX_WAIT_SECONDS)}; 0 or absent: refused at once`,
      ),
      ...ASKED,
    },
    returns: 'struct',
    answer: 'hold',
    summary: 'Takes the resource for the client, or waits in the line for it, or is refused.',
    details:
      'The answer has the fencing token, which is greater than that of every earlier grant. ' +
      'A connection that closes while its call waits gives the place up, unless a request key lets the client come back to it.',
    call: ({ resource, client, options }, { service, context }) =>
      service.lock(resource, client, options, context),
  }),
  defineMethod({
    name: 'unlock',
    role: 'client',
    parameters: { resource: 'string', client: 'string' },
    options: { token: TOKEN },
    returns: 'boolean',
    answer: 'true',
    summary: 'Gives back what the client holds.',
    details: 'Only the holder can; a second time is refused.',
    call: ({ resource, client, options }, { service, context }) =>
      service.unlock(resource, client, options, context),
  }),
  defineMethod({
    name: 'renew',
    role: 'client',
    parameters: { resource: 'string', client: 'string' },
    options: {
      ttl: optional('seconds', 'a new ttl in seconds, which may be shorter'),
      token: TOKEN,
    },
    returns: 'struct',
    answer: 'hold',
    summary: 'The lease runs for the greater of what is left and its ttl.',
    details: 'A hold without a lease is refused unless a ttl is given. A lost hold is never revived.',
    call: ({ resource, client, options }, { service, context }) =>
      service.renew(resource, client, options, context),
  }),
  defineMethod({
    name: 'extend',
    role: 'client',
    parameters: { resource: 'string', client: 'string', seconds: 'seconds' },
    options: { token: TOKEN },
    returns: 'struct',
    answer: 'hold',
    summary: 'Adds seconds to what is left of the lease; a repeat adds again.',
    details: 'It is saved, so that no restart undoes it.',
    call: ({ resource, client, seconds, options }, { service, context }) =>
      service.extend(resource, client, seconds, options, context),
  }),
  defineMethod({
    name: 'update',
    role: 'client',
    parameters: { resource: 'string', client: 'string' },
    options: {
      note: optional(
        'string',
        `a new note, at most ${count(MAX_NOTE_CHARACTERS)} characters; an empty one removes it`,
      ),
      ttl: optional('seconds', 'a new ttl in seconds'),
      newClient: forOperators(
        'string',
        'for operators: hands the hold over to this client, with a new token',
      ),
      token: TOKEN,
    },
    returns: 'struct',
    answer: 'hold',
    summary: 'Changes the note, the ttl, or the holder.',
    call: ({ resource, client, options }, { service, context }) =>
      service.update(resource, client, options, context),
  }),
];
