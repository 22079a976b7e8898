/** A fence command that writes down its runs, and finds out by itself whether two of them overlap. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../temporary-directory.js';

export interface FenceScript {
  readonly path: string;
  /** `EVENT PID TIME TOKEN`, EVENT being start, failed, done, or overlap; TIME in milliseconds since 1970. */
  lines(): string[];
  /** How many lines have this event. */
  count(event: string): number;
  /** From now on no run is held up by `hold_on`. */
  goOn(): void;
}

export interface FenceScriptOptions {
  /** What the third run and all later ones do between their start and their success. */
  readonly work: string;
  /** What every run does first. */
  readonly first?: string;
}

/**
 * Fails twice, then does its work and succeeds. `say EVENT` writes a line; `$runs` is the number of this run; `hold_on`
 * lasts until the test says `goOn`. A run overlaps with an earlier one of which the shell still is in /proc without having ended, or any process still has the
 * kernel lock that all processes of a run inherit.
 */
export function fenceScript({ work, first = '' }: FenceScriptOptions): FenceScript {
  const directory = temporaryDirectory();
  const [path = '', log = '', alone = '', go = ''] = ['fence', 'runs', 'alone', 'go'].map((name) =>
    join(directory, name),
  );
  const script = `#!/bin/sh
say() { echo "$1 $$ $(date +%s%3N) $LOCKD_TOKEN" >> ${log}; }
hold_on() { until [ -e ${go} ]; do sleep 0.05; done; }
${first}
for id in $(awk '$1 == "start" { print $2 }' ${log} 2>/dev/null); do
  awk -v id=$id '$2 == id && ($1 == "failed" || $1 == "done") { found = 1 } END { exit !found }' ${log} ||
    ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' /proc/$id/status 2>/dev/null || say overlap
done
exec 9>>${alone}
flock -n 9 || say overlap
say start
runs=$(grep -c ^start ${log})
if [ $runs -le 2 ]; then say failed; echo "no power switch" >&2; exit 1; fi
${work}
say done
`;
  writeFileSync(path, script, { mode: 0o755 });
  const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []);
  return {
    path,
    lines,
    goOn: () => writeFileSync(go, ''),
    count: (event) => lines().filter((line) => line.startsWith(`${event} `)).length,
  };
}
