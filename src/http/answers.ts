/**
 * Writes answers. Each has a Content-Length, each names its type, none says which program wrote it.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ProblemAnswer } from './problems.js';

/** Writes an answer that is no refusal. `last`: the connection ends with it. */
export function send(
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body: string | Uint8Array,
  last: boolean,
): void {
  // As a string, Node would copy it twice more: behind the head, and as bytes.
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const all = [...headers, 'Content-Length', String(bytes.length)];
  if (last) all.push('Connection', 'close');
  response.writeHead(status, all);
  response.end(bytes);
}

/**
 * Cuts off a peer that does not take its answer within `answerMs`: what is not in the buffers of the kernel is in our
 * memory. To be called when the answer has been sent.
 */
export function limitSending(socket: Socket, response: ServerResponse, answerMs: number): void {
  if (socket.writableLength === 0) return;
  const timer = setTimeout(() => socket.destroy(), answerMs);
  response.once('close', () => clearTimeout(timer));
}

/**
 * Refuses a request and ends the connection. The answer leaves at once; what the peer is still sending is thrown away
 * for at most `lingerMs`, because a connection closed on unread bytes is reset, and the peer would never read why.
 */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  answer: ProblemAnswer,
  lingerMs: number,
): void {
  response.writeHead(answer.status, [...answer.headers]);
  response.write(answer.body);
  const end = () => void response.end();
  const timer = setTimeout(end, lingerMs);
  response.once('close', () => clearTimeout(timer));
  request.once('end', end).resume();
}

/** The same where Node could read no request, and so made no response. */
export function sendProblemMessage(
  socket: Socket,
  { status, headers, body }: ProblemAnswer,
  lingerMs: number,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Date: ${new Date().toUTCString()}`];
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  }
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer)).resume();
}
