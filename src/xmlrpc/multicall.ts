/**
 * `system.multicall`: several calls in one body, each with an answer of its own, shaped as Python's MultiCall and others
 * read them: an array of one item, or a struct with faultCode and faultString. The calls are decided one after another
 * in one turn; it is no transaction.
 */
import { BAD_PARAMETERS, Fault } from './faults.js';
import { faultAnswer, invoke } from './invoke.js';
import { MAX_MULTICALL_CALLS } from './limits.js';
import { defineMethod, type Environment } from './method.js';
import type { XmlRpcValue } from './values.js';

const NAME = 'system.multicall';

interface SingleCall {
  readonly method: string;
  readonly params: readonly XmlRpcValue[];
}

export const multicall = defineMethod({
  name: NAME,
  // Each call in it takes its own.
  role: 'viewer',
  parameters: { calls: 'array' },
  returns: 'array',
  answer: 'array: per call `[answer]`, or a struct `faultCode`, `faultString`',
  summary: `At most ${MAX_MULTICALL_CALLS} calls, each a struct of methodName and params, none of them ${NAME}; wait counts as 0.`,
  details:
    'They are decided one after another in one turn, each with its own answer; it is no transaction. ' +
    'If one of them cannot be read as a call, none is executed.',
  call: async ({ calls }, environment) => {
    const singles = readCalls(calls);
    const inSequence = { ...environment, context: { ...environment.context, inSequence: true } };
    // All start in this tick, in order; each one's answer waits for nothing but itself.
    return Promise.all(singles.map((single) => answerOf(single, inSequence)));
  },
});

async function answerOf({ method, params }: SingleCall, environment: Environment): Promise<unknown> {
  try {
    return [await invoke(method, params, environment)];
  } catch (error) {
    const { code, text } = faultAnswer(error, method, environment.context);
    return { faultCode: code, faultString: text };
  }
}

function readCalls(calls: readonly XmlRpcValue[]): SingleCall[] {
  if (calls.length > MAX_MULTICALL_CALLS) {
    return refuse(`must have at most ${MAX_MULTICALL_CALLS} calls, not ${calls.length}; none was executed`);
  }
  return calls.map(readCall);
}

function readCall(call: XmlRpcValue, index: number): SingleCall {
  const problem = (text: string) => refuse(`${text} (call ${index + 1}); none was executed`);
  if (!(call instanceof Map)) return problem('must have structs of methodName and params');
  const method = call.get('methodName');
  const params = call.get('params');
  if (typeof method !== 'string' || !Array.isArray(params) || call.size > 2) {
    return problem('must have structs of methodName (string) and params (array), and nothing else');
  }
  return method === NAME ? problem(`must not have ${NAME} in itself`) : { method, params };
}

function refuse(problem: string): never {
  throw new Fault(BAD_PARAMETERS, `${NAME}: parameter 'calls' ${problem}`);
}
