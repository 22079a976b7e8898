/**
 * The values that XML-RPC can carry, as they come from the wire. A struct is a Map, so that a member called
 * `__proto__` is a member like any other.
 */

/** A struct: no two members have the same name, and they stand in the order of the document. */
export type XmlRpcStruct = Map<string, XmlRpcValue>;

/**
 * `int`, `i4` and `i8` are numbers where a number holds them exactly, else bigints; `double` is a finite number;
 * `dateTime.iso8601` is a Date, its digits taken as UTC; `base64` are bytes; `nil` is null.
 */
export type XmlRpcValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Uint8Array
  | null
  | XmlRpcValue[]
  | XmlRpcStruct;

/** The names of types, as signatures and faults give them. */
export type XmlRpcType =
  | 'string'
  | 'int'
  | 'i8'
  | 'double'
  | 'boolean'
  | 'dateTime.iso8601'
  | 'base64'
  | 'nil'
  | 'array'
  | 'struct';

/** Whether a number is an XML-RPC `int`: whole, and 32 bits with a sign hold it. */
export function isInt(value: number): boolean {
  // `|` cuts to 32 bits with a sign, so that only what fits stays as it is.
  return (value | 0) === value;
}

/** What a value is called in a fault. A double without a fraction is not told from an int. */
export function typeName(value: XmlRpcValue): XmlRpcType {
  if (value === null) return 'nil';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'struct';
  if (value instanceof Date) return 'dateTime.iso8601';
  if (value instanceof Uint8Array) return 'base64';
  switch (typeof value) {
    case 'number':
      if (isInt(value)) return 'int';
      return Number.isInteger(value) ? 'i8' : 'double';
    case 'bigint':
      return 'i8';
    case 'boolean':
      return 'boolean';
    default:
      return 'string';
  }
}
