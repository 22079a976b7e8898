/** The implementations of the gate, as programs: all of them must agree on one FILE. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Running } from '../clients/shell-process.js';

const path = (from: string) => fileURLToPath(new URL(from, import.meta.url));
const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const PYTHON = path('../../clients/lockd.py');

/** Each with the words that begin its command line. */
export const GATES: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['lockd', [process.execPath, path('../../bin/lockd.js'), 'gate']],
  ['lockd.sh', ['sh', path('../../clients/lockd.sh'), 'gate']],
  ...(has('bash') ? [['lockd.sh in bash', ['bash', path('../../clients/lockd.sh'), 'gate']] as const] : []),
  ...(has('busybox')
    ? [['lockd.sh in busybox', ['busybox', 'sh', path('../../clients/lockd.sh'), 'gate']] as const]
    : []),
  ...(has('python3') && existsSync(PYTHON) ? [['lockd.py', ['python3', PYTHON, 'gate']] as const] : []),
];

/** Those that belong to this room; lockd.py has tests of its own beside. */
export const OWN_GATES = GATES.filter(([name]) => name !== 'lockd.py');

export function startGate(gate: readonly string[], file: string, token: string, ...words: string[]): Running {
  return new Running([...gate, file, token, ...words], { LOCKD_URL: 'http://127.0.0.1:1' });
}

export function passGate(gate: readonly string[], file: string, token: string, ...words: string[]) {
  return startGate(gate, file, token, ...words).outcome;
}
