/**
 * One caller alone: how long a durable call takes, against what it cannot do without, one flush of the disk and one exchange
 * over HTTP. All three are measured in turn, a short while each.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type LoadKind, lockPair, openCaller } from './load.js';
import { startEcho, startLockd } from './servers.js';
import { median } from './table.js';

export interface OneCallResult {
  /** Milliseconds, medians: one call of lock or unlock, one flush, one call of the echo. */
  readonly call: number;
  readonly flush: number;
  readonly echo: number;
  /** A call over a flush and an echo together: the median of the rounds. */
  readonly ratio: number;
}

export interface OneCallOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly kind: LoadKind;
  readonly progress: (text: string) => void;
}

/** As many bytes as a lock writes in the journal. */
const APPENDED_BYTES = 300;

/** The file has its size and its blocks before, as a segment of the journal has. */
const ROOM_BYTES = 4 << 20;

/** Of each in turn, so that what else the machine does meanwhile happens to all three. */
const CALLS_AT_A_TIME = 20;

/** Milliseconds of each. */
interface Times {
  readonly call: number[];
  readonly flush: number[];
  readonly echo: number[];
}

export async function measureOneCall(options: OneCallOptions): Promise<OneCallResult> {
  const { directory, rounds, seconds, kind, progress } = options;
  const lockd = await startLockd(join(directory, 'one-call'));
  const echo = await startEcho();
  const callers = [lockd, echo].map(({ url }) => ({
    caller: openCaller(kind, url),
    ...lockPair('one-call'),
  }));
  const flushed = new FlushedFile(join(directory, 'flushed'));
  const measured: Omit<OneCallResult, 'ratio'>[] = [];
  const runRound = async () => {
    const times: Times = { call: [], flush: [], echo: [] };
    for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
      await repeat(times.flush, async () => flushed.append());
      for (const [index, { caller, take, giveBack }] of callers.entries()) {
        let isTaken = false;
        await repeat(index === 0 ? times.call : times.echo, () => {
          isTaken = !isTaken;
          return caller.call(isTaken ? take : giveBack);
        });
      }
    }
    return { call: median(times.call), flush: median(times.flush), echo: median(times.echo) };
  };
  try {
    await runRound();
    for (let round = 1; round <= rounds; round += 1) {
      progress(`one call, round ${round} of ${rounds}`);
      measured.push(await runRound());
    }
  } finally {
    for (const { caller } of callers) caller.close();
    flushed.close();
    await Promise.all([lockd.stop(), echo.stop()]);
  }
  return {
    call: median(measured.map((round) => round.call)),
    flush: median(measured.map((round) => round.flush)),
    echo: median(measured.map((round) => round.echo)),
    ratio: median(measured.map(({ call, flush, echo: one }) => call / (flush + one))),
  };
}

/** Does something a few times, an even number, and notes how long each took. */
async function repeat(times: number[], act: () => Promise<unknown>): Promise<void> {
  for (let count = 0; count < CALLS_AT_A_TIME; count += 1) {
    const begun = performance.now();
    await act();
    times.push(performance.now() - begun);
  }
}

/** What a journal does for a turn: a small append within a file that has its blocks, and `fdatasync`. */
class FlushedFile {
  readonly #file: number;
  readonly #line = Buffer.alloc(APPENDED_BYTES, 'x');
  #position = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
    writeSync(this.#file, Buffer.alloc(ROOM_BYTES, '\n'), 0, ROOM_BYTES, 0);
    fsyncSync(this.#file);
  }

  append(): void {
    writeSync(this.#file, this.#line, 0, APPENDED_BYTES, this.#position);
    fdatasyncSync(this.#file);
    this.#position = (this.#position + APPENDED_BYTES) % (ROOM_BYTES - APPENDED_BYTES);
  }

  close(): void {
    closeSync(this.#file);
  }
}
