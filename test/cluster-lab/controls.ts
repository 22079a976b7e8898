/**
 * Negative controls: lockd without some of its safeties, in which the laboratory must find something. One that finds nothing
 * there proves nothing elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../root.js';
import type { Patch } from '../simulation/planted.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** The leadership does not end by the clock. */
const ENDLESS: Patch = {
  file: 'src/cluster/candidacy.ts',
  replace: 'return Math.max(0, ttl * 1_000 - MARGIN_MS - elapsedSince(sent, this.clock));',
  by: 'return Math.max(60_000, ttl * 1_000 - MARGIN_MS - elapsedSince(sent, this.clock));',
};

/** Whether it leads is not asked before an answer that changes nothing. */
const UNASKED: readonly Patch[] = [
  ENDLESS,
  {
    file: 'src/store/etcd/leader-read.ts',
    replace: 'if (found[0]?.[0]?.createRevision === leadership.createRevision) return;',
    by: 'if (found.length >= 0) return;',
  },
  {
    file: 'src/store/etcd/leader-read.ts',
    replace: 'const { found } = await patience.ask((timeoutMs) => kv.transact(transaction, timeoutMs));',
    by: 'const { found } = await patience.ask(async () => ({ found: [[{ createRevision: kv && transaction ? 0 : 1 }]] }));',
  },
];

/** What is written does not depend on who leads, nor on what was written before. */
const UNCOMPARED: Patch = {
  file: 'src/store/etcd/turn-writer.ts',
  replace: 'const compare = this.#compare();\n    try {',
  by: 'const compare = this.#compare().slice(2);\n    try {',
};

/** By their names. Each `replace` stands in its `file` exactly once. */
export const CONTROLS: ReadonlyMap<string, readonly Patch[]> = new Map([
  // A deposed leader tells what is not true any more; what it writes is refused.
  ['unasked', UNASKED],
  // It also writes over what its successor wrote.
  ['uncompared', [...UNASKED, UNCOMPARED]],
]);

/** A copy of the program without it, which is gone after the experiment. Answers where its `lockd` is. */
export function withoutSafety(name: string): string {
  const copy = temporaryDirectory();
  for (const part of [
    'bin',
    'clients',
    'dist',
    'src',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  // What it says of the sources is not true any more.
  rmSync(join(copy, 'dist/.tsbuildinfo'), { force: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, replace, by } of CONTROLS.get(name) ?? []) {
    const path = join(copy, file);
    const source = readFileSync(path, 'utf8');
    if (!source.includes(replace)) throw new Error(`${file} does not have what '${name}' leaves out`);
    writeFileSync(
      path,
      source.replace(replace, () => by),
    );
  }
  const { status, stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], {
    cwd: copy,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`lockd without '${name}' does not compile: ${stdout}`);
  return join(copy, 'bin/lockd.js');
}
