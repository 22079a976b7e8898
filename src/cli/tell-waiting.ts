/** Tells who waits for a lock what it waits for: at the start, and whenever holders or place have changed. */
import { setTimeout as pause } from 'node:timers/promises';
import type { FileStatus } from '../service/api.js';
import { holderTexts, lineText } from './holder-text.js';

/** Milliseconds before the first look: most waits are over by then, and nothing need be said. */
const FIRST_LOOK_MS = 200;

/** Milliseconds between two looks: all who wait in a long line look, and each look is a call. */
const LOOK_MS = 5_000;

export interface Telling {
  readonly client: string;
  /** Asks for the status of the resource; what it rejects with is passed over. */
  look(signal: AbortSignal): Promise<FileStatus>;
  tell(text: string): void;
  /** Resolves after so many milliseconds; rejects on the signal. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

/** Answers as `call` does; while that waits, tells for whom. */
export async function tellWhileWaiting<T>(call: Promise<T>, telling: Telling): Promise<T> {
  const over = new AbortController();
  keepTelling(telling, over.signal).catch(() => undefined);
  try {
    return await call;
  } finally {
    over.abort();
  }
}

/** Rejects when `over` is aborted. */
async function keepTelling(telling: Telling, over: AbortSignal): Promise<never> {
  const { client, pause: wait = realPause } = telling;
  let told = '';
  for (let milliseconds = FIRST_LOOK_MS; ; milliseconds = LOOK_MS) {
    await wait(milliseconds, over);
    const status = await telling.look(over).catch(() => undefined);
    over.throwIfAborted();
    if (!status || !isWaiting(status, client)) continue;
    const essence = essenceOf(status, client);
    if (essence === told) continue;
    told = essence;
    telling.tell(waitingText(status, client));
  }
}

function realPause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return pause(milliseconds, undefined, { signal });
}

/** Whether the client stands in the line: among the places that are listed, or perhaps behind them. */
function isWaiting({ waiting, queue }: FileStatus, client: string): boolean {
  return waiting > queue.length || queue.some((place) => place.client === client);
}

/** What is told again when it changes; that time goes by is not. */
function essenceOf({ state, holders, queue }: FileStatus, client: string): string {
  const place = queue.find((other) => other.client === client);
  return JSON.stringify([state, holders.map(({ token }) => token), place?.position]);
}

/** `Waiting for 'r'. Held by 'A' since …, lease left 25 s. 'B' is number 2 of 3 in the line`. */
export function waitingText(status: FileStatus, client: string): string {
  const facts = [...holderTexts(status), lineText(status, client)].filter((fact) => fact !== undefined);
  return [`Waiting for '${status.resource}'`, ...facts].join('. ');
}
