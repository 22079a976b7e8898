/** The rows of what changes nothing: who holds what, what happened, how the daemon fares. */
import {
  DEFAULT_HISTORY_COUNT,
  DEFAULT_LIST_COUNT,
  MAX_HISTORY_COUNT,
  MAX_LIST_COUNT,
} from '../../core/limits.js';
import { defineMethod, type Method, optional } from '../method.js';
import { count } from './options.js';

const atMost = (most: number, absent: number) =>
  optional('int', `at most so many, up to ${count(most)}; ${count(absent)} when absent`);

export const looking: readonly Method[] = [
  defineMethod({
    name: 'check',
    role: 'viewer',
    parameters: { resource: 'string', token: 'token' },
    returns: 'boolean',
    answer: 'boolean',
    summary: 'Whether the token is that of a current hold: not lost, not being fenced.',
    call: ({ resource, token }, { service, context }) => service.check(resource, token, context),
  }),
  defineMethod({
    name: 'status',
    role: 'viewer',
    parameters: { resource: 'string' },
    returns: 'struct',
    answer: 'status',
    summary: 'Who holds the resource, and who waits; a free one answers too.',
    call: ({ resource }, { service, context }) => service.status(resource, context),
  }),
  defineMethod({
    name: 'list',
    role: 'viewer',
    parameters: {},
    options: {
      prefix: optional('string', 'only resources whose names begin so'),
      client: optional('string', 'only what this client holds or waits for'),
      state: optional('state', 'only resources in this state'),
      count: atMost(MAX_LIST_COUNT, DEFAULT_LIST_COUNT),
      after: optional('string', 'only resources behind this one: the last of the page before'),
    },
    returns: 'array',
    answer: 'array of status',
    summary: 'The resources that are not free, in order of their names, a page at a time.',
    call: ({ options }, { service }) => service.list(options),
  }),
  defineMethod({
    name: 'history',
    role: 'viewer',
    parameters: {},
    options: {
      resource: optional('string', 'only what happened to this resource'),
      client: optional('string', 'only what happened to this client'),
      count: atMost(MAX_HISTORY_COUNT, DEFAULT_HISTORY_COUNT),
      before: optional('string', 'only events before this id: the last of the page before'),
    },
    returns: 'array',
    answer: 'array of event',
    summary: 'What happened, newest first, a page at a time.',
    call: ({ options }, { service }) => service.history(options),
  }),
  defineMethod({
    name: 'stats',
    role: 'viewer',
    parameters: {},
    returns: 'struct',
    answer:
      'struct of `version`, `started`, `directory`, `connections`, `held`, `waiting`, `fencing`, `grants`, `refusals`, `lost`, `journalBytes`, and in a cluster `leader`',
    summary: 'What the daemon has done since it started, and what it holds now.',
    call: async (_none, { service, context }) => ({
      ...(await service.stats()),
      connections: context.connections,
    }),
  }),
];
