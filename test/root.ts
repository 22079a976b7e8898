/** Where the package is, for tests as they are written and for those that `tsc` has put into `build/`. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const above = dirname(dirname(fileURLToPath(import.meta.url)));

/** The folder of package.json. */
export const ROOT = basename(above) === 'build' ? dirname(above) : above;
