/**
 * The method table: all that can be called over XML-RPC. One row gives a method's parameters, its options, its answer,
 * its help, and which call of the service it is.
 */
import { introspection } from './introspection.js';
import type { MethodTable } from './method.js';
import { line } from './methods/line.js';
import { locking } from './methods/locking.js';
import { looking } from './methods/looking.js';
import { operating } from './methods/operating.js';
import { multicall } from './multicall.js';

/** Every method by its name. */
export const METHODS: MethodTable = new Map(
  [...locking, ...line, ...looking, ...operating, ...introspection, multicall].map((method) => [
    method.name,
    method,
  ]),
);
