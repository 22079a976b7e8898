/**
 * Checks the parameters of a call against the row of its method: their number, their types, the options that are known.
 * What a string may hold is not decided here but by the service.
 */
import { RESOURCE_STATES } from '../core/answers.js';
import { BAD_PARAMETERS, Fault, quoted } from './faults.js';
import {
  callText,
  type Method,
  type NamedValues,
  type ParameterType,
  type ParameterTypes,
} from './method.js';
import { isInt, typeName, type XmlRpcStruct, type XmlRpcValue } from './values.js';

/** A type on the wire: how faults call it, and what a handler gets; undefined for a value that is not of the type. */
type TypeRow<Type> = { readonly text: string; read(value: XmlRpcValue): Type | undefined };

const TYPES: { readonly [Type in ParameterType]: TypeRow<ParameterTypes[Type]> } = {
  string: { text: 'string', read: (value) => (typeof value === 'string' ? value : undefined) },
  int: { text: 'int', read: (value) => (typeof value === 'number' && isInt(value) ? value : undefined) },
  seconds: { text: 'int or double, 0 or more', read: readSeconds },
  boolean: { text: 'boolean', read: (value) => (typeof value === 'boolean' ? value : undefined) },
  token: { text: 'string of decimal digits, or int', read: readToken },
  state: {
    text: `one of ${RESOURCE_STATES.join(', ')}`,
    read: (value) => RESOURCE_STATES.find((state) => state === value),
  },
  array: { text: 'array', read: (value) => (Array.isArray(value) ? value : undefined) },
};

function readToken(value: XmlRpcValue): string | undefined {
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  const digits = isNumber ? String(value) : value;
  return typeof digits === 'string' && /^[0-9]+$/.test(digits) ? digits : undefined;
}

function readSeconds(value: XmlRpcValue): number | undefined {
  const seconds = typeof value === 'bigint' ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

/**
 * The parameters by name, as the handler of `method` takes them.
 *
 * @throws Fault -32602 that names method and parameter.
 */
export function readArguments(method: Method, params: readonly XmlRpcValue[]): NamedValues {
  const { names } = method;
  checkCount(method, names.length, params.length);
  const values: Record<string, unknown> = {};
  let index = 0;
  for (const name of names) {
    values[name] = readTyped(method, name, method.parameters[name] as ParameterType, params[index++]);
  }
  values.options = readOptions(method, params[names.length]);
  return values as NamedValues;
}

function checkCount(method: Method, positional: number, given: number): void {
  const most = method.options ? positional + 1 : positional;
  const least = method.needsOptions ? most : positional;
  if (given >= least && given <= most) return;
  const expected = least === most ? `${most}` : `${least} or ${most}`;
  refuse(
    method,
    `expects ${expected} ${most === 1 ? 'parameter' : 'parameters'}, ${callText(method)}, not ${given}`,
  );
}

function readOptions(method: Method, given: XmlRpcValue | undefined): Record<string, unknown> {
  const options = method.options ?? {};
  if (given === undefined) return {};
  if (!(given instanceof Map))
    return refuse(method, `parameter 'options' must be struct, not ${typeName(given)}`);
  checkKnown(method, Object.keys(options), given);
  const values: Record<string, unknown> = {};
  for (const [name, { type, required }] of Object.entries(options)) {
    const value = given.get(name);
    if (value !== undefined) values[name] = readTyped(method, name, type, value);
    else if (required) refuse(method, `parameter 'options' must have the member '${name}'`);
  }
  return values;
}

function checkKnown(method: Method, known: readonly string[], given: XmlRpcStruct): void {
  for (const name of given.keys()) {
    if (!known.includes(name)) {
      refuse(method, `unknown option ${quoted(name)}; known: ${known.join(', ')}`);
    }
  }
}

function readTyped(
  method: Method,
  name: string,
  type: ParameterType,
  given: XmlRpcValue | undefined,
): unknown {
  const value = given === undefined ? undefined : TYPES[type].read(given);
  if (value !== undefined) return value;
  return refuse(method, `parameter '${name}' must be ${TYPES[type].text}, not ${described(type, given)}`);
}

/** A value of another type is called by its type, one of the right type as it stands. */
function described(type: ParameterType, given: XmlRpcValue | undefined): string {
  if (given === undefined) return 'absent';
  const wireType = typeName(given);
  if (type === 'state' && wireType === 'string') return quoted(String(given));
  if (type === 'seconds' && ['int', 'i8', 'double'].includes(wireType)) return String(given);
  if (type === 'token' && ['string', 'int', 'i8'].includes(wireType)) return quoted(String(given));
  return wireType;
}

function refuse(method: Method, problem: string): never {
  throw new Fault(BAD_PARAMETERS, `${method.name}: ${problem}`);
}
