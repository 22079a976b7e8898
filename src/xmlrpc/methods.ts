/**
 * The method table: all that can be called over XML-RPC. One row gives a method's parameters, its options, its answer,
 * its help, and which call of the service it is.
 */
import { DEFAULT_LIST_COUNT, MAX_LIMIT, MAX_LIST_COUNT, MAX_NOTE_CHARACTERS } from '../core/limits.js';
import { introspection } from './introspection.js';
import { defineMethod, type Method, type MethodTable, optional, required } from './method.js';
import { multicall } from './multicall.js';

const count = (value: number) => value.toLocaleString('en');

const locking: readonly Method[] = [
  defineMethod({
    name: 'lock',
    parameters: { resource: 'string', client: 'string' },
    options: {
      limit: optional('int', `how many may hold it at once, 1 to ${count(MAX_LIMIT)}; 1 when absent`),
      note: optional('string', `why, at most ${count(MAX_NOTE_CHARACTERS)} characters`),
    },
    returns: 'struct',
    answer: 'hold',
    summary: 'Takes the resource for the client, or is refused at once.',
    details: 'The answer has the fencing token, which is greater than that of every earlier grant.',
    call: ({ resource, client, options }, { service, context }) =>
      service.lock(resource, client, options, context),
  }),
  defineMethod({
    name: 'unlock',
    parameters: { resource: 'string', client: 'string' },
    options: { token: optional('token', 'unlock only that very hold') },
    returns: 'boolean',
    answer: 'true',
    summary: 'Gives back what the client holds.',
    details: 'Only the holder can; a second time is refused.',
    call: ({ resource, client, options }, { service, context }) =>
      service.unlock(resource, client, options, context),
  }),
  defineMethod({
    name: 'status',
    parameters: { resource: 'string' },
    returns: 'struct',
    answer: 'status',
    summary: 'Who holds the resource; a free one answers too.',
    call: ({ resource }, { service }) => service.status(resource),
  }),
  defineMethod({
    name: 'list',
    parameters: {},
    options: {
      prefix: optional('string', 'only resources whose names begin so'),
      client: optional('string', 'only what this client holds'),
      state: optional('state', 'only resources in this state'),
      count: optional(
        'int',
        `at most so many, up to ${count(MAX_LIST_COUNT)}; ${count(DEFAULT_LIST_COUNT)} when absent`,
      ),
      after: optional('string', 'only resources behind this one: the last of the page before'),
    },
    returns: 'array',
    answer: 'array of status',
    summary: 'The resources that are not free, in order of their names, a page at a time.',
    call: ({ options }, { service }) => service.list(options),
  }),
  defineMethod({
    name: 'forceUnlock',
    parameters: { resource: 'string' },
    options: {
      reason: required('string', `why, at most ${count(MAX_NOTE_CHARACTERS)} characters; the victim is told`),
      client: optional('string', 'whose hold; needed where several hold the resource'),
    },
    returns: 'boolean',
    answer: 'true',
    summary: 'Ends somebody else’s hold, or the lock of a lock file that cannot be read.',
    details: 'For operators. It answers when the loss is saved.',
    call: ({ resource, options }, { service, context }) => service.forceUnlock(resource, options, context),
  }),
  defineMethod({
    name: 'stats',
    parameters: {},
    returns: 'struct',
    answer:
      'struct of `version`, `started`, `directory`, `connections`, `held`, `grants`, `refusals`, `lost`, `journalBytes`',
    summary: 'What the daemon has done since it started, and what it holds now.',
    call: async (_none, { service, context }) => ({
      ...(await service.stats()),
      connections: context.connections,
    }),
  }),
];

/** Every method by its name. */
export const METHODS: MethodTable = new Map(
  [...locking, ...introspection, multicall].map((method) => [method.name, method]),
);
