/** What a line seems to be, seen without decoding it: cheap enough for lines that do not matter. format.ts has the last word. */

/** The number of a turn stands within its first so many bytes. */
const PEEKED_BYTES = 48;

const TURN = /^\{"line":"turn","turn":(\d{1,16}),/;

const END = Buffer.from('{"line":"end",');

const SNAPSHOT = [END, Buffer.from('{"line":"records",'), Buffer.from('{"line":"head",')];

/** The number of the turn that a line seems to be; undefined where it does not seem to be one. */
export function peekTurn(line: Buffer): number | undefined {
  const match = TURN.exec(line.toString('latin1', 0, PEEKED_BYTES));
  return match ? Number(match[1]) : undefined;
}

/** Whether a line seems to be the mark behind the snapshot. */
export function seemsEnd(line: Buffer): boolean {
  return line.subarray(0, END.length).equals(END);
}

/** Whether a line seems to stand before all turns of its segment. */
export function seemsSnapshot(line: Buffer): boolean {
  return SNAPSHOT.some((beginning) => line.subarray(0, beginning.length).equals(beginning));
}

/** The bytes that a line has somewhere if it speaks of `name`. */
export function nameBytes(name: string): Buffer {
  return Buffer.from(JSON.stringify(name));
}
