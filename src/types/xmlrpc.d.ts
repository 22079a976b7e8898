/** The parts of the npm package `xmlrpc` that are used, none of which reads anything from the network. */

declare module 'xmlrpc/lib/serializer.js' {
  /** @param encoding is named in the XML declaration; it does not change the text. */
  export function serializeMethodCall(method: string, params: readonly unknown[], encoding?: string): string;
  export function serializeMethodResponse(value: unknown): string;
  export function serializeFault(fault: { readonly faultCode: number; readonly faultString: string }): string;
}

declare module 'xmlrpc/lib/customtype.js' {
  /**
   * A value that is written as the text of an element `tagName`, escaped. A plain string with two `]]>` is not: the rest
   * of it is read as markup.
   */
  export default class CustomType {
    constructor(raw: string);
    tagName: string;
  }
}

declare module 'xmlrpc/lib/deserializer.js' {
  import type { Readable } from 'node:stream';

  /** For tests only: some inputs end the process, others block it for seconds. */
  export default class Deserializer {
    constructor(encoding?: string);
    deserializeMethodCall(
      stream: Readable,
      callback: (error: Error | null | undefined, method: string, params: unknown[]) => void,
    ): void;
    deserializeMethodResponse(
      stream: Readable,
      callback: (error: Error | null | undefined, value: unknown) => void,
    ): void;
  }
}
