/**
 * Loaded into a daemon's process before the daemon itself (`node --import`): answers the bench what cannot be seen from
 * outside. It changes nothing of the daemon, which does not know of it.
 */

/** A stretch in which the event loop did not come round. */
export interface Pause {
  /** Milliseconds since 1970, when it ended. */
  readonly at: number;
  readonly milliseconds: number;
}

/** What may be asked, and what is answered. */
export interface Inside {
  /** The pauses since the question was asked last; the first time there are none, and it begins to look. */
  readonly pauses: readonly Pause[];
  /** What is in use, after a full collection of garbage: what stays, not what has not been thrown away yet. */
  readonly memory: { readonly heapBytes: number; readonly residentBytes: number };
}

/** Milliseconds between two looks; a pause is known to within that. */
const LOOK_MS = 1;

/** Shorter ones are nothing: a timer of Node is late by a millisecond as a rule. */
const SHORTEST_MS = 3;

let pauses: Pause[] = [];
let isLooking = false;

function startLooking(): void {
  isLooking = true;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    const milliseconds = now - last - LOOK_MS;
    last = now;
    if (milliseconds >= SHORTEST_MS) pauses.push({ at: Date.now(), milliseconds });
  };
  setInterval(look, LOOK_MS).unref();
}

const answers: { readonly [K in keyof Inside]: () => Inside[K] } = {
  pauses: () => {
    if (!isLooking) startLooking();
    const seen = pauses;
    pauses = [];
    return seen;
  },
  memory: () => {
    globalThis.gc?.();
    const { heapUsed, rss } = process.memoryUsage();
    return { heapBytes: heapUsed, residentBytes: rss };
  },
};

process.on('message', (question: keyof Inside) => {
  process.send?.(answers[question]());
});
// Neither the timer nor the channel keeps a daemon alive that wants to end.
process.channel?.unref();
