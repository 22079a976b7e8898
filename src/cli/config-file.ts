/**
 * The configuration file of `--config`: one JSON object whose keys are flags without their dashes. One file may serve
 * all commands, so that every key of any command is known; all others are refused.
 */
import { readFileSync } from 'node:fs';
import { nearest } from './nearest.js';
import { Problems } from './problems.js';
import type { ConfigFile } from './resolve.js';
import { UsageError } from './usage-error.js';

/** Editors on Windows put it before the text. */
const BYTE_ORDER_MARK = /^\ufeff/;

/** Reads the file and checks its keys against the names of all flags. What is wrong with it is told, all of it. */
export function readConfigFile(path: string, knownFlags: ReadonlySet<string>): ConfigFile {
  const problems = new Problems();
  const given = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(problems.try(() => parse(path)) ?? {})) {
    if (!knownFlags.has(key)) problems.add(unknownKeyText(path, key, knownFlags));
    const texts = knownFlags.has(key) && problems.try(() => textsOf(path, key, value));
    if (texts) given.set(key, texts);
  }
  return { path, given, problems: problems.found };
}

function parse(path: string): object {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8').replace(BYTE_ORDER_MARK, ''));
  } catch (error) {
    const problem =
      error instanceof SyntaxError
        ? `is not JSON: ${error.message}`
        : `cannot be read: ${(error as Error).message}`;
    throw new UsageError(`The configuration file ${path} ${problem}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(
      `The configuration file ${path} must be one JSON object, like {"listen": "127.0.0.1:7420"}`,
    );
  }
  return content;
}

function unknownKeyText(path: string, key: string, knownFlags: ReadonlySet<string>): string {
  const guess = nearest(key, knownFlags);
  return `Unknown key '${key}' in ${path}${guess === undefined ? '' : `; did you mean '${guess}'?`}`;
}

function textsOf(path: string, key: string, value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).map((item: unknown) => {
    if (typeof item === 'string' || typeof item === 'boolean') return String(item);
    // Large numbers are written in full, so that they read like the text of a flag.
    if (typeof item === 'number') return Number.isInteger(item) ? BigInt(item).toString() : String(item);
    throw new UsageError(`'${key}' in ${path} must be a text, a number, true, false, or a list of these`);
  });
}
