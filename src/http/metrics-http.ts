/** What is counted of HTTP itself: what was no call, and streams that were cut. Each is rare, and in the log too. */
import { isTold, PROBLEMS, type ProblemName } from './problems.js';
import type { HttpEvent } from './reception.js';

export class HttpMeters {
  /** Requests that were refused before they were looked into, by the HTTP status, of which there are a few. */
  readonly refused: Record<number, number> = Object.fromEntries(
    Object.entries(PROBLEMS).flatMap(([name, { status }]) =>
      isTold({ name: name as ProblemName }) ? [[status, 0]] : [],
    ),
  );
  /** Streams of events whose readers were too slow. */
  streamsCut = 0;

  note(event: HttpEvent): void {
    if (event.event === 'requestRefused') this.refused[event.status] = (this.refused[event.status] ?? 0) + 1;
    if (event.event === 'streamCut') this.streamsCut += 1;
  }
}
