/** The configuration file: what it may hold, and that slips are found. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.js';
import { temporaryDirectory } from '../temporary-directory.js';

const KNOWN = new Set(['listen', 'trusted-network', 'history-size', 'url']);

function read(content: string) {
  const path = join(temporaryDirectory(), 'lockd.json');
  writeFileSync(path, content);
  return { path, given: () => readConfigFile(path, KNOWN) };
}

test('texts, numbers, switches and lists', () => {
  const { given } = read(
    '{"url":"http://h:1","history-size":1e12,"trusted-network":true,"listen":["a:1","b:2"]}',
  );
  expect(Object.fromEntries(given().given)).toEqual({
    url: ['http://h:1'],
    'history-size': ['1000000000000'],
    'trusted-network': ['true'],
    listen: ['a:1', 'b:2'],
  });
});

test('a byte order mark is no part of it', () => {
  expect(Object.fromEntries(read('\ufeff{"url":"http://h:1"}').given().given)).toEqual({
    url: ['http://h:1'],
  });
});

describe('refused', () => {
  test.each([
    {
      content: '{"trustedNetwork":true}',
      message: "Unknown key 'trustedNetwork' in FILE; did you mean 'trusted-network'?",
    },
    { content: '{"lisen":"a:1"}', message: "Unknown key 'lisen' in FILE; did you mean 'listen'?" },
    { content: '{"completely-else":1}', message: "Unknown key 'completely-else' in FILE" },
    { content: '{"__proto__":{"x":1}}', message: "Unknown key '__proto__' in FILE" },
    {
      content: '[]',
      message: 'The configuration file FILE must be one JSON object, like {"listen": "127.0.0.1:7420"}',
    },
    {
      content: 'null',
      message: 'The configuration file FILE must be one JSON object, like {"listen": "127.0.0.1:7420"}',
    },
    {
      content: '{"url":{}}',
      message: "'url' in FILE must be a text, a number, true, false, or a list of these",
    },
    {
      content: '{"url":null}',
      message: "'url' in FILE must be a text, a number, true, false, or a list of these",
    },
  ])('$content', ({ content, message }) => {
    const { path, given } = read(content);
    expect(given().problems).toEqual([message.replace('FILE', path)]);
  });

  test('all that is wrong is told, and the rest is read', () => {
    const { path, given } = read('{"lisen":"a:1","url":{},"listen":"b:2","history-sise":1}');
    const { problems, given: right } = given();
    expect(problems).toEqual([
      `Unknown key 'lisen' in ${path}; did you mean 'listen'?`,
      `'url' in ${path} must be a text, a number, true, false, or a list of these`,
      `Unknown key 'history-sise' in ${path}; did you mean 'history-size'?`,
    ]);
    expect(Object.fromEntries(right)).toEqual({ listen: ['b:2'] });
  });

  test('what is no JSON, or is not there', () => {
    const { path, given } = read('{"url":');
    expect(given().problems).toEqual([
      expect.stringContaining(`The configuration file ${path} is not JSON: `),
    ]);
    expect(readConfigFile(`${path}.not`, KNOWN).problems).toEqual([
      expect.stringContaining(`The configuration file ${path}.not cannot be read: ENOENT: no such file`),
    ]);
  });
});
