/** Where settings come from, and what is refused on the way. */
import { describe, expect, test } from 'vitest';
import { flagName, resolveSettings, type Sources, variableName } from '../../src/cli/resolve.js';
import { anyNumberOf, optional, repeated, toggle, withDefault } from '../../src/cli/setting.js';
import { text, wholeNumber } from '../../src/cli/values.js';

const SETTINGS = {
  historyDays: withDefault('N', 'days', wholeNumber(1, 100), '30'),
  listen: repeated('HOST:PORT', 'where', text, 'default:1'),
  trustedNetwork: toggle('yes or no'),
  note: optional('TEXT', 'why', text),
  fence: anyNumberOf('RULE', 'how', text),
};

interface Given {
  readonly flags?: Record<string, readonly string[]>;
  readonly environment?: Record<string, string>;
  readonly file?: Record<string, readonly string[]>;
}

function resolve({ flags = {}, environment = {}, file }: Given) {
  const sources: Sources = {
    flags: new Map(Object.entries(flags)),
    environment,
    ...(file ? { file: { path: 'lockd.json', given: new Map(Object.entries(file)) } } : {}),
  };
  return resolveSettings(SETTINGS, sources);
}

test('a setting has one name in three spellings', () => {
  expect(flagName('historyDays')).toBe('history-days');
  expect(variableName('historyDays')).toBe('LOCKD_HISTORY_DAYS');
});

describe('flags beat variables beat the file beat the defaults', () => {
  const flags = { 'history-days': ['1'] };
  const environment = { LOCKD_HISTORY_DAYS: '2' };
  const file = { 'history-days': ['3'] };
  test.each([
    { given: { flags, environment, file }, days: 1 },
    { given: { flags, file }, days: 1 },
    { given: { environment, file }, days: 2 },
    { given: { environment: { LOCKD_HISTORY_DAYS: '' }, file }, days: 3 },
    { given: { file }, days: 3 },
    { given: {}, days: 30 },
  ])('$given', ({ given, days }) => {
    expect(resolve(given).historyDays).toBe(days);
  });
});

describe('repeated values', () => {
  test.each([
    { given: {}, values: ['default:1'] },
    { given: { flags: { listen: ['a:1', 'b:2'] } }, values: ['a:1', 'b:2'] },
    { given: { environment: { LOCKD_LISTEN: 'a:1, b:2,' } }, values: ['a:1', 'b:2'] },
    { given: { file: { listen: ['a:1', 'b:2'] } }, values: ['a:1', 'b:2'] },
    // They replace each other as a whole; nothing is added up.
    { given: { flags: { listen: ['a:1'] }, file: { listen: ['b:2'] } }, values: ['a:1'] },
  ])('$given', ({ given, values }) => {
    expect(resolve(given).listen).toEqual(values);
  });
});

describe('values that may be none', () => {
  test.each([
    { given: {}, values: [] },
    { given: { flags: { fence: ['a', 'b'] } }, values: ['a', 'b'] },
    { given: { environment: { LOCKD_FENCE: 'a, b' } }, values: ['a', 'b'] },
    { given: { file: { fence: [] } }, values: [] },
    { given: { file: { fence: ['a'] } }, values: ['a'] },
  ])('$given', ({ given, values }) => {
    expect(resolve(given).fence).toEqual(values);
  });
});

describe('switches', () => {
  test.each([
    { given: {}, value: false },
    { given: { flags: { 'trusted-network': ['true'] } }, value: true },
    { given: { environment: { LOCKD_TRUSTED_NETWORK: '1' } }, value: true },
    { given: { environment: { LOCKD_TRUSTED_NETWORK: 'off' } }, value: false },
    { given: { environment: { LOCKD_TRUSTED_NETWORK: '0' } }, value: false },
    {
      given: { flags: { 'trusted-network': ['false'] }, environment: { LOCKD_TRUSTED_NETWORK: 'yes' } },
      value: false,
    },
    { given: { file: { 'trusted-network': ['true'] } }, value: true },
  ])('$given', ({ given, value }) => {
    expect(resolve(given).trustedNetwork).toBe(value);
  });
});

describe('what cannot be read is refused, naming its place', () => {
  test.each<{ given: Given; message: string }>([
    {
      given: { flags: { 'history-days': ['x'] } },
      message: "--history-days must be a whole number from 1 to 100, not 'x'",
    },
    {
      given: { environment: { LOCKD_HISTORY_DAYS: '101' } },
      message: "LOCKD_HISTORY_DAYS must be a whole number from 1 to 100, not '101'",
    },
    {
      given: { file: { 'history-days': ['0'] } },
      message: "'history-days' in lockd.json must be a whole number from 1 to 100, not '0'",
    },
    {
      given: { file: { 'history-days': ['1', '2'] } },
      message: "'history-days' in lockd.json must be one value",
    },
    { given: { file: { listen: [] } }, message: "'listen' in lockd.json must name at least one" },
    { given: { environment: { LOCKD_LISTEN: ',' } }, message: 'LOCKD_LISTEN must name at least one' },
    {
      given: { environment: { LOCKD_TRUSTED_NETWORK: 'maybe' } },
      message: "LOCKD_TRUSTED_NETWORK must be true or false, not 'maybe'",
    },
    { given: { flags: { note: [''] } }, message: '--note must not be empty' },
  ])('$message', ({ given, message }) => {
    expect(() => resolve(given)).toThrow(message);
  });
});
