/** Documents for the tests of this folder. */
import { Fault } from '../../src/xmlrpc/faults.js';
import { parseCall } from '../../src/xmlrpc/parse.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';

/** A call with `values`, each what stands between `<value>` and `</value>`. */
export function callOf(method: string, ...values: string[]): string {
  const params = values.map((value) => `<param><value>${value}</value></param>`).join('');
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
}

/** A struct of `members`, each what stands between `<value>` and `</value>`. */
export function structOf(members: Readonly<Record<string, string>>): string {
  const xml = Object.entries(members).map(
    ([name, value]) => `<member><name>${name}</name><value>${value}</value></member>`,
  );
  return `<struct>${xml.join('')}</struct>`;
}

/** A call as a person would indent it, with everything that the daemon's methods take. */
export const LOCK_CALL = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a deployment -->
<methodCall>
  <methodName>lock</methodName>
  <params>
    <param><value><string>deploy/prod</string></value></param>
    <param><value>käthe@host:17</value></param>
    <param>
      <value><struct>
        <member><name>limit</name><value><int>3</int></value></member>
        <member><name>note</name><value><string>a &lt;b&gt; &amp; <![CDATA[<c>]]> &#x1F512;</string></value></member>
      </struct></value>
    </param>
  </params>
</methodCall>
`;

export const bytes = (text: string): Uint8Array => Buffer.from(text);

/** The only parameter of a call with `value`. */
export function parsedValue(value: string): XmlRpcValue | undefined {
  return parseCall(bytes(callOf('m', value))).params[0];
}

/** The fault that `attempt` throws; fails if it throws none, or something else. */
export function faultOf(attempt: () => unknown): Fault {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('no fault was thrown');
}

/** The code of the fault of a body. */
export function faultCode(body: string | Uint8Array, charset?: string): number {
  return faultOf(() => parseCall(typeof body === 'string' ? bytes(body) : body, charset)).code;
}
