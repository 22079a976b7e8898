import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FenceRules, parseFenceRule } from '../../src/fencing/rules.js';
import { temporaryDirectory } from '../temporary-directory.js';

const commandFor = (pattern: string, resource: string) =>
  new FenceRules([{ pattern, command: '/x' }]).commandFor(resource);

function executable(directory: string, name: string, mode = 0o755): string {
  const path = join(directory, name);
  fs.writeFileSync(path, '#!/bin/sh\n', { mode });
  return path;
}

describe('a pattern', () => {
  test.each([
    ['*', 'a'],
    ['*', 'host/a/b'],
    ['**', 'a'],
    ['host/*', 'host/a'],
    ['host/*', 'host/a/b'],
    ['host/*', 'host/'],
    ['*/db', 'a/b/db'],
    ['a*b*c', 'abc'],
    ['a*b*c', 'a/b/b/c'],
    ['*a*b', 'xaxbxab'],
    ['*aa', 'aaa'],
    ['a*a', 'aa'],
    ['deploy', 'deploy'],
    ['a.b+[c]?(d)\\{1}$^|', 'a.b+[c]?(d)\\{1}$^|'],
    ['höst/*', 'höst/ü'],
  ])('%j matches %j', (pattern, resource) => {
    expect(commandFor(pattern, resource)).toBe('/x');
  });

  test.each([
    ['host/*', 'host'],
    ['host/*', 'ghost/a'],
    ['deploy', 'deploy2'],
    ['deploy', 'Deploy'],
    ['*/db', 'a/dbx'],
    ['a*a', 'a'],
    ['a*b*c', 'acb'],
    ['ab*bc', 'abc'],
    ['a.c', 'abc'],
    ['a?c', 'abc'],
    ['[ab]', 'a'],
  ])('%j does not match %j', (pattern, resource) => {
    expect(commandFor(pattern, resource)).toBeUndefined();
  });

  test('takes no longer for many stars than for few', () => {
    const resource = 'a'.repeat(512);
    const pattern = `${'*a'.repeat(200)}*b`;
    const before = performance.now();
    for (let time = 0; time < 100; time++) expect(commandFor(pattern, resource)).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});

test('the first rule that matches counts, and what matches none is not fenced', () => {
  const rules = new FenceRules([
    { pattern: 'host/db*', command: '/db' },
    { pattern: 'host/*', command: '/host' },
    { pattern: 'host/db1', command: '/never' },
  ]);
  expect(['host/db1', 'host/web', 'deploy'].map((resource) => rules.commandFor(resource))).toEqual([
    '/db',
    '/host',
    undefined,
  ]);
  expect(new FenceRules([]).commandFor('host/db1')).toBeUndefined();
});

describe('PATTERN=COMMAND', () => {
  test('is read, and a relative command taken from the directory', () => {
    const directory = temporaryDirectory();
    const command = executable(directory, 'fence');
    const rule = { pattern: 'host/*', command };
    expect(parseFenceRule(`host/*=${command}`)).toEqual(rule);
    expect(parseFenceRule('host/*=fence', directory)).toEqual(rule);
    expect(parseFenceRule('host/*=./x/../fence', directory)).toEqual(rule);
  });

  test('is cut at its first =, so that the name of a command may have one', () => {
    const directory = temporaryDirectory();
    const command = executable(directory, 'a=b');
    expect(parseFenceRule('*=a=b', directory)).toEqual({ pattern: '*', command });
  });

  test.each([
    ['/bin/true', "must be PATTERN=COMMAND, such as 'host/*=/usr/local/sbin/fence-host', not '/bin/true'"],
    ['', "must be PATTERN=COMMAND, such as 'host/*=/usr/local/sbin/fence-host', not ''"],
    ['=/bin/true', "must have a pattern before the '=' ('*' matches every resource)"],
    ['host/*=', "must have the path of an executable after 'host/*='"],
    ['*=/', "must name an executable file, which '/' is not"],
    [
      '*=/nowhere/fence --now',
      "must name an executable file, but '/nowhere/fence --now' cannot be found (ENOENT); " +
        'it runs without a shell and without arguments, so put those into a script',
    ],
  ])('%j is refused, with what to do', (text, problem) => {
    expect(parseFenceRule(text)).toEqual({ problem });
  });

  test('with a file that may not be executed is refused, with what to do', () => {
    const path = executable(temporaryDirectory(), 'fence', 0o644);
    expect(parseFenceRule(`*=${path}`)).toEqual({
      problem: `must name an executable file, but lockd may not execute '${path}'; run: chmod +x '${path}'`,
    });
  });
});
