/** A call as XML, written by the package xmlrpc. */
import CustomType from 'xmlrpc/lib/customtype.js';
import serializer from 'xmlrpc/lib/serializer.js';
import { cannotBeSent } from './failures.js';

/** What a call may carry: structs are plain objects, and members without a value are left out. */
export type Parameter = string | number | boolean | { readonly [member: string]: Parameter | undefined };

/** The call as XML. Throws `RefusedCall` for what XML cannot carry, such as control characters. */
export function encodeCall(method: string, parameters: readonly Parameter[]): string {
  try {
    return serializer.serializeMethodCall(method, parameters.map(serializable), 'utf-8');
  } catch (error) {
    throw cannotBeSent(method, error);
  }
}

/** A string that the serializer escapes. Of a plain one with two `]]>` it would write the rest as markup. */
class EscapedText extends CustomType {
  override tagName = 'string';
}

/** Parameters as the serializer must get them: it would also write a member without a value as an empty text. */
function serializable(parameter: Parameter): unknown {
  if (typeof parameter === 'string') return new EscapedText(parameter);
  if (typeof parameter !== 'object') return parameter;
  const present = Object.entries(parameter).flatMap(([member, value]) =>
    value === undefined ? [] : [[member, serializable(value)]],
  );
  return Object.fromEntries(present);
}
