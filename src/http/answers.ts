/**
 * Writes answers. Each has a Content-Length, each names its type, none says which program wrote it.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Health } from '../service/api.js';
import type { ClientFile } from './client-files.js';
import type { ProblemAnswer } from './problems.js';

/**
 * The headers that stand in every answer. `X-Lockd-Id` names the lock directory: a client with several addresses sees by
 * it that two of them lead to daemons which know nothing of each other.
 */
export function commonHeaders(id: string | undefined): readonly string[] {
  return id === undefined ? [] : ['X-Lockd-Id', id];
}

/** Writes the answers of one server that are no refusals. `last`: the connection ends with it. */
export class Answers {
  // Built once: the answer to a call is what a daemon writes all day.
  readonly #xml: readonly string[];
  readonly #health: readonly string[];

  /** @param common the headers of every answer. */
  constructor(private readonly common: readonly string[]) {
    this.#xml = [...common, 'Content-Type', 'text/xml; charset=utf-8'];
    this.#health = [...common, 'Content-Type', 'application/json', 'Cache-Control', 'no-store'];
  }

  /** The answer to an XML-RPC call: status 200, also for a fault. */
  sendXml(response: ServerResponse, body: string, last: boolean): void {
    send(response, 200, this.#xml, body, last);
  }

  /** 200 when all is well, 503 when not: load balancers and `curl --fail` need not read the JSON. */
  sendHealth(response: ServerResponse, { status, problems }: Health, last: boolean): void {
    const body = `${JSON.stringify({ status, problems })}\n`;
    send(response, status === 'ok' ? 200 : 503, this.#health, body, last);
  }

  /** A client to save and run. Not to be kept on the way: it depends on who asks, and on the daemon's version. */
  sendClient(response: ServerResponse, text: string, { contentType }: ClientFile, last: boolean): void {
    const headers = [
      ...this.common,
      ...['Content-Type', contentType],
      ...['Cache-Control', 'no-store'],
      ...['X-Content-Type-Options', 'nosniff'],
    ];
    send(response, 200, headers, text, last);
  }
}

function send(
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body: string,
  last: boolean,
): void {
  // As a string, Node would copy it twice more: behind the head, and as bytes.
  const bytes = Buffer.from(body);
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
