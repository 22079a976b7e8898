/** A fence command for all daemons, which writes down its runs, and finds out by itself whether two of them overlap. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Happening, Violation } from '../history/history.js';

/** Resources that are fenced begin so. */
const FENCED = 'b/';

export function isFenced(resource: string): boolean {
  return resource.startsWith(FENCED);
}

/** One in so many fails, and how long they take, in seconds. */
const FAILING = 4;
const LASTING = [0.1, 0.3, 1, 4];

export class FenceRuns {
  readonly #log: string;
  readonly #path: string;

  /** @param directory exists, and is the same for all daemons. */
  constructor(directory: string) {
    [this.#log, this.#path] = [join(directory, 'fence-runs'), join(directory, 'fence')];
    const tokens = join(directory, 'fence-tokens');
    mkdirSync(tokens);
    // The kernel lock is inherited by all that a run starts; it ends with the last of them.
    const script = `#!/bin/sh
say() { echo "$1 $LOCKD_TOKEN $(date +%s%N) $$ $LOCKD_RESOURCE" >> ${this.#log}; }
exec 9>> ${tokens}/$LOCKD_TOKEN
flock -n 9 || say overlap
say start
set -- ${LASTING.join(' ')}
shift $(($$ % ${LASTING.length}))
sleep $1
if [ $(($$ % ${FAILING})) -eq 1 ]; then echo "no power switch" >&2; exit 1; fi
say done
`;
    writeFileSync(this.#path, script, { mode: 0o755 });
  }

  /** For the command line of a daemon. */
  get words(): string[] {
    return ['--fence', `${FENCED}*=${this.#path}`];
  }

  /** The runs so far; those that did not come to a good end may have ended at any time. */
  happenings(): Happening[] {
    const lines = this.#lines();
    return lines
      .filter(({ event }) => event === 'start')
      .map(({ token, at, process, resource }) => {
        const done = lines.find((line) => line.event === 'done' && line.process === process && line.at >= at);
        const to = done?.at ?? Number.POSITIVE_INFINITY;
        const run = { resource, token, from: at, to, succeeded: done !== undefined };
        return { kind: 'fenced', daemon: `fence command ${process}`, ...run };
      });
  }

  violations(): Violation[] {
    return this.#lines()
      .filter(({ event }) => event === 'overlap')
      .map(({ token, at, resource }) => {
        const text = `a fence command for ${resource} (token ${token}) began while another one ran`;
        return { rule: 'fence', at, text };
      });
  }

  #lines() {
    const lines = existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split('\n').slice(0, -1) : [];
    return lines.map((line) => {
      const [event = '', token, nanoseconds, process = '', ...resource] = line.split(' ');
      const at = Number(nanoseconds) / 1e6 - performance.timeOrigin;
      return { event, token: Number(token), at, process, resource: resource.join(' ') };
    });
  }
}
