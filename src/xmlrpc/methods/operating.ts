/** The rows of what operators do to somebody else's hold. */
import { defineMethod, type Method, optional } from '../method.js';
import { REASON } from './options.js';

export const operating: readonly Method[] = [
  defineMethod({
    name: 'forceUnlock',
    role: 'operator',
    parameters: { resource: 'string' },
    options: {
      reason: { ...REASON, help: `${REASON.help}; the victim is told` },
      client: optional('string', 'whose hold; needed where several hold the resource'),
      token: optional('token', 'only that very hold, not one that the client got meanwhile'),
      fenced: optional(
        'boolean',
        'the caller vouches that the holder can do no more harm: no fence command runs',
      ),
    },
    returns: 'boolean',
    answer: 'true',
    summary: 'Ends somebody else’s hold, or the lock of a lock file that cannot be read.',
    details: 'For operators. It answers when the loss is saved.',
    call: ({ resource, options }, { service, context }) => service.forceUnlock(resource, options, context),
  }),
  defineMethod({
    name: 'confirmFenced',
    role: 'operator',
    parameters: { resource: 'string' },
    options: {
      reason: REASON,
      token: optional('token', 'which lost hold; needed where several are being fenced'),
    },
    returns: 'boolean',
    answer: 'true',
    summary: 'Ends a fencing that does not succeed: the caller vouches that the holder can do no more harm.',
    details: 'For operators.',
    call: ({ resource, options }, { service, context }) => service.confirmFenced(resource, options, context),
  }),
];
