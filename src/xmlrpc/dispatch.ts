/**
 * From the bytes of a request to the text of its answer: the one door through which `http` calls lockd.
 */
import type { LockService } from '../service/api.js';
import { faultAnswer, invoke } from './invoke.js';
import type { RequestContext } from './method.js';
import { METHODS } from './methods.js';
import { parseCall } from './parse.js';
import { writeFault, writeResponse } from './write.js';

/** Stands for the method where the body was not even read so far. */
const NO_METHOD = '';

/**
 * Answers one request.
 *
 * @param charset of the Content-Type, without quotes; undefined where there is none.
 * @returns the body of the answer, a fault included. Rejects with nothing but the service's `Stopped`: then the
 * connection must be closed without an answer.
 */
export async function handleCall(
  body: Uint8Array,
  charset: string | undefined,
  service: LockService,
  context: RequestContext,
): Promise<string> {
  let method = NO_METHOD;
  try {
    const call = parseCall(body, charset);
    method = call.method;
    return writeResponse(await invoke(method, call.params, { methods: METHODS, service, context }));
  } catch (error) {
    const { code, text } = faultAnswer(error, method, context);
    return writeFault(code, text);
  }
}
