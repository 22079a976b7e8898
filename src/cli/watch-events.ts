/** `lockd watch --events`: one line for each event, as the daemon tells it. */
import type { LockdClient } from '../client/client.js';
import type { StreamItem } from '../client/events.js';
import { type Connection, connect } from './connection.js';
import { eventCells, paintEvent } from './event-cells.js';
import { DONE } from './exit-status.js';
import { GrowingColumns } from './growing-columns.js';
import { printable } from './printable.js';
import type { Terminal } from './terminal.js';
import type { WatchOutput } from './watch-output.js';

export type EventSettings = Connection & {
  readonly prefix: string | undefined;
  readonly holder: string | undefined;
  readonly include: readonly ('renewed' | 'queued')[];
  readonly after: string | undefined;
};

/** Resolves with the exit status when it is ended, which is how a watch ends. */
export async function followEvents(
  settings: EventSettings,
  signal: AbortSignal,
  output: WatchOutput,
  terminal: Terminal,
): Promise<number> {
  const client = connect(settings, { signal });
  const columns = new GrowingColumns(terminal, (cell, column) => paintEvent(cell, column, terminal));
  try {
    for await (const item of eventsOf(client, settings, terminal)) {
      if (terminal.json) await output.write(`${JSON.stringify(item)}\n`, signal);
      else if ('resource' in item) await output.write(columns.text([eventCells(item)]), signal);
    }
    return DONE;
  } catch (error) {
    if (signal.aborted) return DONE;
    throw error;
  } finally {
    client.close();
  }
}

/** What is told on standard output; how the stream fares is told beside it. */
async function* eventsOf(
  client: LockdClient,
  { prefix, holder, include, after }: EventSettings,
  terminal: Terminal,
): AsyncGenerator<StreamItem> {
  let isCut = false;
  const onCut = (error: Error) => {
    isCut = true;
    terminal.aside(
      printable(`${error.message}. The watch goes on behind the last event when it answers again`),
    );
  };
  const options = {
    ...{ include, onCut },
    ...(prefix === undefined ? {} : { prefix }),
    ...(holder === undefined ? {} : { client: holder }),
    ...(after === undefined ? {} : { after }),
  };
  for await (const item of client.events(options)) {
    if (item.event === 'ready') {
      if (isCut) terminal.aside('The daemon tells events again');
      isCut = false;
    } else {
      if (item.event === 'gap') terminal.aside(printable(gapText(item)));
      yield item;
    }
  }
}

function gapText({ after, problem }: Extract<StreamItem, { event: 'gap' }>): string {
  return `Events are missing behind ${after}: ${problem}. Look at everything anew: lockd list`;
}
