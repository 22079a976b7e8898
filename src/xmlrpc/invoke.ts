/**
 * Finds a method, checks its parameters and who calls, calls it; and makes a fault of whatever went wrong. One call of its own and
 * one of a `system.multicall` go the same way.
 */
import { BadParameter, Refusal } from '../core/refusals.js';
import { BAD_PARAMETERS, Fault, INTERNAL_ERROR, NO_SUCH_METHOD, quoted } from './faults.js';
import type { Environment, Method, MethodTable } from './method.js';
import { checkPermission } from './permission.js';
import { readArguments } from './read-arguments.js';
import type { XmlRpcValue } from './values.js';

/** What a caller is told, with its code. */
export interface FaultAnswer {
  readonly code: number;
  readonly text: string;
}

/** @throws Fault -32601 */
export function findMethod(methods: MethodTable, name: string): Method {
  const method = methods.get(name);
  if (!method)
    throw new Fault(NO_SUCH_METHOD, `No method ${quoted(name)}; system.listMethods names them all`);
  return method;
}

/**
 * Calls a method. The service is called before this returns, so that calls are decided in the order of their starts.
 * Rejects with what the service rejects with.
 *
 * @throws Fault at once, for what is no call of a method, and Refusal for what its user may not do.
 */
export function invoke(
  name: string,
  params: readonly XmlRpcValue[],
  environment: Environment,
): Promise<unknown> {
  const method = findMethod(environment.methods, name);
  const values = readArguments(method, params);
  checkPermission(method, values, environment);
  return method.call(values, environment);
}

/**
 * What the caller is told of an error. Of one that is neither refusal nor fault it is told nothing but that there was one.
 *
 * @throws the error itself if it is `Stopped`: then nobody can say what is on disk, and no answer is the honest one.
 */
export function faultAnswer(error: unknown, method: string, context: Environment['context']): FaultAnswer {
  if (error instanceof Fault || error instanceof Refusal) return { code: error.code, text: error.message };
  if (error instanceof BadParameter) return { code: BAD_PARAMETERS, text: `${method}: ${error.message}` };
  if (error instanceof Error && error.name === 'Stopped') throw error;
  context.onInternalError?.(error, method);
  return { code: INTERNAL_ERROR, text: 'Internal error; the log of the daemon has more' };
}
