/**
 * The hunt for planted bugs: each safety is removed from a copy of the program, and the simulation runs until it notices.
 * `npm run simulate -- --planted [--seeds N] [NAME …]`
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLANTED, type Planted } from './planted.js';

/** What a hunt has found. */
export interface Catch {
  readonly name: string;
  /** Absent: nothing was noticed. */
  readonly seed?: number;
  readonly rules: readonly string[];
  readonly seconds: number;
}

interface Summary {
  readonly seconds: number;
  readonly failed: readonly { readonly seed: number; readonly rules: readonly string[] }[];
}

/** Removes each of the safeties in turn, from a copy of the project in `root`. */
export function* hunt(root: string, seeds: number, names: readonly string[]): Generator<Catch> {
  const copy = mkdtempSync(join(root, 'build', 'planted-'));
  try {
    for (const part of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.tools.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const planted of PLANTED) {
      if (names.length > 0 && !names.includes(planted.name)) continue;
      yield huntOne(root, copy, planted, seeds);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function huntOne(root: string, copy: string, planted: Planted, seeds: number): Catch {
  const { name, also = [], isOfCluster = false } = planted;
  const patches = [planted, ...also];
  const restore = () => {
    for (const { file } of patches) cpSync(join(root, file), join(copy, file));
  };
  for (const { file, replace, by } of patches) {
    const source = readFileSync(join(copy, file), 'utf8');
    writeFileSync(
      join(copy, file),
      source.replace(replace, () => by),
    );
  }
  try {
    // What the change leaves unused is a mistake to the compiler, and of no matter here.
    spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.tools.json'], { cwd: copy });
    cpSync(join(copy, 'package.json'), join(copy, 'build', 'package.json'));
    const script = join(copy, 'build/test/simulation/main.js');
    const mode = isOfCluster ? ['--cluster'] : [];
    const args = [script, '--json', '--until-found', ...mode, '--seeds', String(seeds)];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    const { failed, seconds } = JSON.parse(stdout) as Summary;
    const [first] = failed;
    return { name, seconds, rules: first?.rules ?? [], ...(first ? { seed: first.seed } : {}) };
  } finally {
    restore();
  }
}
