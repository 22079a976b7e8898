/** An input of two parts: a line of JSON that says how, and the bytes themselves. */

const LINE_FEED = 0x0a;

export function pack(head: unknown, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
}

/** Throws a SyntaxError for what `pack` did not make. */
export function unpack<Head>(input: Buffer): { readonly head: Head; readonly body: Buffer } {
  const end = input.indexOf(LINE_FEED);
  const head: Head = JSON.parse(input.toString('utf8', 0, end));
  return { head, body: input.subarray(end + 1) };
}
