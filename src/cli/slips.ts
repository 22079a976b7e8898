/** Variables that look like lockd's and are read by nobody: most likely a slip in the name of another. */
import { nearest } from './nearest.js';
import type { Sources } from './resolve.js';

/** Shorter names are near to too many others. */
const VARIABLE = /^LOCKD_([A-Z_]{5,})$/;

/** Those that are no flags: what clients read, and what commands are given. */
const OTHERS: readonly string[] = [
  'config',
  'resource',
  'reason',
  'user',
  'secret-file',
  'ca',
  'cert',
  'key',
  'version',
];

/**
 * One sentence for each variable whose name is near to a known one. Others are passed over: whoever runs containers gets
 * variables like LOCKD_SERVICE_HOST for nothing.
 */
export function slipsIn(environment: Sources['environment'], flags: ReadonlySet<string>): string[] {
  const known = new Set([...flags, ...OTHERS]);
  return Object.keys(environment).flatMap((variable) => {
    const name = VARIABLE.exec(variable)?.[1]?.toLowerCase().replaceAll('_', '-');
    if (name === undefined || known.has(name)) return [];
    const meant = nearest(name, known);
    if (meant === undefined) return [];
    const right = `LOCKD_${meant.replaceAll('-', '_').toUpperCase()}`;
    return [`The variable ${variable} is read by nobody; did you mean ${right}?`];
  });
}
