/**
 * Pages: what is only read, by GET or HEAD. A page is a path and a function that answers a visit; the reception has checked
 * the request, and who sent it, before. Calls (XML-RPC by POST) are no visits.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { User } from '../access/user.js';
import { limitSending, send } from './answers.js';
import type { Connection } from './connections.js';
import type { Problem } from './problems.js';
import { queryOf } from './request-checks.js';

/** What a path shows to those who read it. */
export interface Page {
  /** Shown to everybody who reaches the daemon; otherwise, where there are users, to those who have signed in. */
  readonly isOpen?: boolean;
  /** Only the leader of a cluster has it; the other members send on there. */
  readonly isOfLeader?: boolean;
  /**
   * Answers a visit, by `visit.send` or `visit.refuse`, once; at once or later. When it throws or rejects, the connection
   * is cut without an answer and the log says why.
   */
  show(visit: Visit): void | Promise<void>;
}

/** Pages by their exact paths. */
export type Pages = ReadonlyMap<string, Page>;

/** An answer that is known as a whole. */
export interface WholeAnswer {
  /** 200 when absent. */
  readonly status?: number;
  /** A flat list of names and values; the headers of every answer and Content-Length come by themselves. */
  readonly headers: readonly string[];
  readonly body: string | Uint8Array;
}

/** What a visit needs of the reception. */
export interface VisitParts {
  readonly connection: Connection;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Who signed in; undefined on open pages, and where there are no users. */
  readonly user: User | undefined;
  /** The headers of every answer. */
  readonly common: readonly string[];
  /** Milliseconds in which an answer must be taken. */
  readonly answerMs: number;
  readonly refuse: (problem: Problem) => void;
}

/** One request for a page. */
export class Visit {
  readonly connection: Connection;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: User | undefined;

  constructor(private readonly parts: VisitParts) {
    this.connection = parts.connection;
    this.request = parts.request;
    this.response = parts.response;
    this.user = parts.user;
  }

  /** What stands behind the `?`. */
  get query(): URLSearchParams {
    return new URLSearchParams(queryOf(this.request.url ?? ''));
  }

  /** The headers of every answer, for those who write one piece by piece. */
  get common(): readonly string[] {
    return this.parts.common;
  }

  /** Answers. HEAD gets the headers only. */
  send({ status = 200, headers, body }: WholeAnswer): void {
    const { connection, response, common, answerMs } = this.parts;
    connection.answered();
    send(response, status, [...common, ...headers], body, connection.endsWith(response));
    limitSending(connection.socket, response, answerMs);
  }

  /** Answers with what is wrong; the connection ends with it. */
  refuse(problem: Problem): void {
    this.parts.refuse(problem);
  }
}
