import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atLast } from './at-last.js';

/** A directory, by a path without symbolic links, that is gone after the test or the experiment. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'lockd-test-')));
  // Who was killed may have left somebody behind that still makes files in it.
  atLast(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
