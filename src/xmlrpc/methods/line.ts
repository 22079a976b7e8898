/** The rows of the two-phase lock: a place in the line that outlives the call it was asked for with. */
import { MAX_WAIT_SECONDS } from '../../core/limits.js';
import { defineMethod, type Method, optional } from '../method.js';
import { ASKED, count } from './options.js';

export const line: readonly Method[] = [
  defineMethod({
    name: 'enqueue',
    role: 'client',
    parameters: { resource: 'string', client: 'string' },
    options: ASKED,
    returns: 'struct',
    answer: 'struct of `state` (`granted` or `queued`), `position` (1 is next), and `hold` where granted',
    summary:
      'First half of a two-phase lock: granted at once, or a place in the line that outlives the call.',
    details: 'The place is kept for the claim time since the client was last heard of.',
    call: ({ resource, client, options }, { service, context }) =>
      service.enqueue(resource, client, options, context),
  }),
  defineMethod({
    name: 'wait',
    role: 'client',
    parameters: { resource: 'string', client: 'string', seconds: 'seconds' },
    options: { request: optional('string', 'the retry key of the place, where it has one') },
    returns: 'struct',
    answer: 'hold',
    summary: `Second half: waits up to so many seconds on the client’s place, ${count(MAX_WAIT_SECONDS)} at most; again and again, from any connection.`,
    details:
      'It answers the hold at once if enqueue was granted it. A wait that is too short keeps the place.',
    call: ({ resource, client, seconds, options }, { service, context }) =>
      service.wait(resource, client, seconds, options, context),
  }),
  defineMethod({
    name: 'cancel',
    role: 'client',
    parameters: { resource: 'string', client: 'string' },
    returns: 'boolean',
    answer: 'true',
    summary: 'Leaves the line.',
    call: ({ resource, client }, { service, context }) => service.cancel(resource, client, context),
  }),
];
