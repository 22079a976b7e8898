import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new directory with a path free of symbolic links, removed when the test that asks for it has finished. */
export function temporaryDirectory(): string {
  const path = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'lockd-test-')));
  onTestFinished(() => fs.rmSync(path, { recursive: true, force: true }));
  return path;
}
