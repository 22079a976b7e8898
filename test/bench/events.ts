/**
 * What pages that are open cost the calls: the processor time of the daemon for each call, with and without readers of its
 * events, in turn. `all`: everybody reads everything, which is a window that shows all that moves; `windows`: each reads a
 * part of its own, none of which moves, as somebody who looks at other locks.
 */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type LoadKind, runLoad } from './load.js';
import { type CallFigures, measureCalls, medians } from './processor.js';
import { type RunningServer, startLockd } from './servers.js';
import { median } from './table.js';

export interface EventsResult {
  readonly readers: number;
  readonly none: CallFigures;
  readonly all: CallFigures;
  readonly windows: CallFigures;
  /** Processor time for each call over that without readers: the medians of the rounds. */
  readonly allRatio: number;
  readonly windowsRatio: number;
}

export interface EventsOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly kind: LoadKind;
  readonly progress: (text: string) => void;
}

type Queries = (reader: number) => string;

const QUERIES = {
  none: undefined,
  all: () => '',
  windows: (reader: number) => `?from=page/${reader}&to=page/${reader + 1}`,
} as const satisfies Record<string, Queries | undefined>;

type Case = keyof typeof QUERIES;

/** Measures a daemon with 64 connections of load and so many readers. */
export async function measureEvents(readers: number, options: EventsOptions): Promise<EventsResult> {
  const { directory, rounds, progress } = options;
  const server = await startLockd(join(directory, 'events'));
  const figures: Record<Case, CallFigures[]> = { none: [], all: [], windows: [] };
  try {
    await runLoad({ url: server.url, kind: options.kind, connections: 64, seconds: options.seconds });
    for (let round = 1; round <= rounds; round += 1) {
      progress(`${readers} readers of events, round ${round} of ${rounds}`);
      for (const one of ['none', 'all', 'windows'] as const) {
        figures[one].push(await measureCase(server, readers, QUERIES[one], options));
      }
    }
  } finally {
    await server.stop();
  }
  const ratio = (one: Case) =>
    median(
      figures[one].map((f, round) => f.microseconds / (figures.none[round]?.microseconds ?? Number.NaN)),
    );
  return {
    readers,
    none: medians(figures.none),
    all: medians(figures.all),
    windows: medians(figures.windows),
    allRatio: ratio('all'),
    windowsRatio: ratio('windows'),
  };
}

async function measureCase(
  server: RunningServer,
  readers: number,
  queries: Queries | undefined,
  { kind, seconds }: EventsOptions,
): Promise<CallFigures> {
  const { url } = server;
  const sockets: Socket[] = [];
  if (queries)
    for (let reader = 0; reader < readers; reader += 1) sockets.push(await readEvents(url, queries(reader)));
  const figures = await measureCalls(server, () => runLoad({ url, kind, connections: 64, seconds }));
  if (sockets.some((socket) => socket.destroyed)) throw new Error('a reader of events was cut off');
  for (const socket of sockets) socket.destroy();
  return figures;
}

/** Reads all that comes on a connection of its own, and throws it away. */
export async function readEvents(url: string, query: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`GET /events${query} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
  return socket.resume();
}
