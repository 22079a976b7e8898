/**
 * Receives requests: checks each, reads its body, has it answered, or refuses it. No request ends the process, and a
 * peer that goes away meanwhile is no error.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { User } from '../access/user.js';
import type { CallContext, LockService } from '../service/api.js';
import type { Access, Rejection } from './access.js';
import type { AnswerHeaders } from './answer-headers.js';
import { limitSending, send, sendProblem, sendProblemMessage } from './answers.js';
import { readBody } from './body.js';
import type { Connection, Connections } from './connections.js';
import type { AcceptedHosts } from './hosts.js';
import { type ClusterMember, sentOn } from './leader.js';
import type { Timeouts } from './limits.js';
import { isTold, type Problem, type ProblemAnswer, problemAnswer } from './problems.js';
import { checkRequest } from './request-checks.js';
import { type Page, type Pages, Visit } from './visit.js';

/** What a call knows of where it came from. */
export interface HttpCallContext extends CallContext {
  /** Connections that are open at present. */
  readonly connections?: number;
  /** As whom the caller signed in; absent: everybody may do everything. */
  readonly user?: User;
}

/**
 * Answers the body of a call with the body of the answer, whatever is in it. Rejects only with an error named `Stopped`:
 * nobody can say any more what is on disk, and nothing may be answered.
 */
export type HandleCall = (
  body: Uint8Array,
  charset: string | undefined,
  service: LockService,
  context: HttpCallContext,
) => Promise<string>;

/** What is worth a line in the log. That a peer goes away is not. */
export type HttpEvent =
  /** The peer sent what is no XML-RPC call, and was told `text`. */
  | {
      readonly event: 'requestRefused';
      readonly from: string;
      readonly status: number;
      readonly text: string;
    }
  /** A defect: `handleCall` or a page broke its promise. The connection was cut without an answer. */
  | { readonly event: 'callFailed'; readonly from: string; readonly error: unknown }
  /** A reader of events was cut off because it does not take them. */
  | { readonly event: 'streamCut'; readonly from: string; readonly reason: string }
  /** A connection could not be accepted, as when no file descriptor is left. */
  | { readonly event: 'acceptFailed'; readonly error: Error }
  /** As many connections are open as are allowed: further ones are turned away. */
  | { readonly event: 'connectionsFull'; readonly max: number };

/** What receiving takes, all of it said. */
export interface ReceptionOptions {
  readonly service: LockService;
  readonly handleCall: HandleCall;
  readonly log: (event: HttpEvent) => void;
  readonly maxBodyBytes: number;
  readonly hosts: AcceptedHosts;
  /** Who may call; undefined: everybody. */
  readonly access: Access | undefined;
  readonly timeouts: Timeouts;
  readonly headers: AnswerHeaders;
  /** This daemon as a member of a cluster; undefined: it is alone. */
  readonly member: ClusterMember | undefined;
  readonly pages: Pages;
}

export class Reception {
  constructor(
    private readonly options: ReceptionOptions,
    private readonly connections: Connections,
  ) {}

  /** Takes a request. `awaitsContinue`: its body comes only after a `100 Continue`. */
  receive(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const connection = this.connections.of(request.socket);
    if (!connection?.admit(response)) return;
    const checked = checkRequest(request, this.options, connection.transport);
    // No other protocol is spoken here and the offer is ignored, but Node's parser loses what comes behind such a request.
    if (request.headers.upgrade !== undefined) connection.end();
    if ('name' in checked) {
      this.#refuse(connection, request, response, checked);
      return;
    }
    // Before anybody signs in: it says nothing that does not stand in the headers of every answer.
    const elsewhere = sentOn(this.options.member, request.url ?? '', checked);
    if (elsewhere) {
      this.#refuse(connection, request, response, elsewhere);
    } else if (checked.kind === 'page' && checked.page.isOpen) {
      void this.#show(checked.page, connection, request, response, undefined);
    } else {
      const user = this.options.access?.signIn(request.headers.authorization, connection.from);
      if (user && 'problem' in user) {
        this.#reject(connection, request, response, user);
        return;
      }
      if (user) connection.authorization = request.headers.authorization;
      if (checked.kind === 'page') {
        void this.#show(checked.page, connection, request, response, user);
      } else {
        if (awaitsContinue) response.writeContinue();
        this.#readCall(connection, request, response, checked.charset, user);
      }
    }
  }

  /** Refuses a request that expects what nobody here can do. */
  refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.connections.of(request.socket);
    if (!connection?.admit(response)) return;
    this.#refuse(connection, request, response, { name: 'expectation' });
  }

  /** Refuses what could not be read as a request, or a request of which the rest could not be read. */
  refuseUnreadable(socket: Socket, problem: Problem): void {
    const connection = this.connections.of(socket);
    // Every further piece of what cannot be read is reported again.
    if (!connection || connection.ending) return;
    const { unread } = connection;
    if (unread?.headersSent) {
      socket.destroySoon();
    } else if (unread) {
      this.#refuse(connection, unread.req, unread, problem);
    } else {
      connection.end();
      const answer = this.#answerTo(connection, problem);
      connection.afterAnswers(() => sendProblemMessage(socket, answer, this.options.timeouts.lingerMs));
    }
  }

  /** Tells a connection that may not stay, whatever it was going to ask. */
  turnAway(socket: Socket, from: string, problem: Problem): void {
    this.connections.of(socket)?.end();
    sendProblemMessage(socket, this.#answerTo({ from }, problem), this.options.timeouts.lingerMs);
  }

  #readCall(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    charset: string | undefined,
    user: User | undefined,
  ): void {
    readBody(request, this.options.maxBodyBytes, (body) => {
      if (body) this.#call(connection, response, body, charset, user);
      else this.#refuse(connection, request, response, { name: 'tooLarge' });
    });
  }

  async #call(
    connection: Connection,
    response: ServerResponse,
    body: Uint8Array,
    charset: string | undefined,
    user: User | undefined,
  ): Promise<void> {
    const { handleCall, service, headers, timeouts } = this.options;
    const received = performance.now();
    const context = {
      from: connection.from,
      received,
      peer: connection,
      connections: this.connections.count,
      ...(user && { user }),
    };
    try {
      const answer = await handleCall(body, charset, service, context);
      connection.answered();
      send(response, 200, headers.xml, answer, connection.endsWith(response));
      limitSending(connection.socket, response, timeouts.answerMs);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  async #show(
    page: Page,
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    user: User | undefined,
  ): Promise<void> {
    const { headers, timeouts } = this.options;
    const refuse = (problem: Problem) => this.#refuse(connection, request, response, problem);
    try {
      await page.show(
        new Visit({
          ...{ connection, request, response, user, refuse },
          common: headers.common,
          answerMs: timeouts.answerMs,
        }),
      );
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  /** Cuts a connection on which nothing can be answered any more. */
  #fail(connection: Connection, error: unknown): void {
    connection.socket.destroy();
    if (!isStopped(error)) this.options.log({ event: 'callFailed', from: connection.from, error });
  }

  /** Refuses who may not come in, perhaps late; nothing else is done on the connection meanwhile. */
  #reject(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    { problem, after }: Rejection,
  ): void {
    connection.end();
    const callOff = after(() => this.#refuse(connection, request, response, problem));
    response.once('close', callOff);
  }

  #refuse(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    problem: Problem,
  ): void {
    connection.end();
    sendProblem(request, response, this.#answerTo(connection, problem), this.options.timeouts.lingerMs);
  }

  #answerTo({ from }: { readonly from: string }, problem: Problem): ProblemAnswer {
    const { maxBodyBytes, timeouts, headers, log } = this.options;
    const { common } = headers;
    const answer = problemAnswer(problem, { maxBodyBytes, requestMs: timeouts.requestMs, common });
    if (isTold(problem)) {
      log({ event: 'requestRefused', from, status: answer.status, text: answer.body.trimEnd() });
    }
    return answer;
  }
}

function isStopped(error: unknown): boolean {
  return error instanceof Error && error.name === 'Stopped';
}
