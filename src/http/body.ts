/**
 * Reads the body of a request, never more of it than is allowed. A body in one piece, which is nearly every one, is handed
 * on as it came; of one in many pieces no piece is kept, because a thousand tiny ones cost much more than their bytes.
 */
import type { IncomingMessage } from 'node:http';

/**
 * Calls `done` once: with the whole body, or with undefined as soon as there are more than `maxBytes` of it. When the
 * peer goes away before, `done` is never called.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (body: Uint8Array | undefined) => void,
): void {
  let body: Buffer = EMPTY;
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    const bytesBefore = bytes;
    bytes += chunk.length;
    if (bytes > maxBytes) {
      request.off('data', onData).off('end', onEnd);
      done(undefined);
    } else {
      body = bytesBefore === 0 ? chunk : appended(body, bytesBefore, chunk);
    }
  };
  const onEnd = () => done(bytes === body.length ? body : body.subarray(0, bytes));
  request.on('data', onData).on('end', onEnd);
}

const EMPTY = Buffer.alloc(0);

/** The first `bytes` of `body` and then `chunk`; there may be room behind them. */
function appended(body: Buffer, bytes: number, chunk: Buffer): Buffer {
  let room = body;
  if (bytes + chunk.length > body.length) {
    room = Buffer.allocUnsafe(2 * (bytes + chunk.length));
    body.copy(room, 0, 0, bytes);
  }
  chunk.copy(room, bytes);
  return room;
}
