/** `lockd migrate`: moves what is locked in a directory to etcd, where several daemons can serve it. */
import type { Migration, Moved } from '../service/migrate.js';
import { CLUSTER } from './cluster-flags.js';
import { defineCommand } from './command.js';
import { DONE } from './exit-status.js';
import { printable } from './printable.js';
import { optional, toggle, withDefault } from './setting.js';
import { UsageError } from './usage-error.js';
import { byteSize, text, wholeNumber } from './values.js';

const { advertiseUrl: _, ...STORE } = CLUSTER;

export const migrate = defineCommand({
  name: 'migrate',
  summary: 'move what is locked in a directory to etcd, for daemons with --store; stop its daemon first',
  settings: {
    directory: withDefault('DIR', 'the --directory of the daemon, which must not run', text, './locks'),
    ...STORE,
    historyDays: optional('N', 'days of history that come along (default: 30)', wholeNumber(1, 36_500)),
    historySize: optional('BYTES', 'size of history that comes along, like 32M (default: 64M)', byteSize),
    dryRun: toggle('only say what would be moved, and what is in the way'),
  },
  epilogue:
    'Holders, lines, leases, tokens and retry keys come along; leases start afresh. The directory does not serve by itself\n' +
    'any more, and its journal stays in .lockd/migrated. Interrupted, run it again: it goes on.',
  run: async ({ settings, terminal, problems }) => {
    const { store, directory, dryRun, historyDays, historySize } = settings;
    if (store === undefined)
      throw new UsageError('--store is missing: where to move it, as in --store etcd://etcd-1:2379/lockd');
    // Loaded only here: no other command but a daemon with --store runs a line of it.
    const { moveToStore } = await import('./cluster-migration.js');
    const migration = await moveToStore(
      { ...settings, store },
      {
        directory,
        dryRun,
        retention: {
          ...(historyDays === undefined ? {} : { historyDays }),
          ...(historySize === undefined ? {} : { historyBytes: historySize }),
        },
        progress: (message) => terminal.aside(printable(message)),
      },
      problems,
    );
    terminal.answer({
      json: { dryRun, ...migration },
      text: textOf(migration, dryRun).map(printable).join('\n'),
    });
    return DONE;
  },
});

function textOf({ directory, store, id, moved, wasMoved, kept }: Migration, dryRun: boolean): string[] {
  const lines = wasMoved
    ? [`The locks of ${directory} are in ${store} already (id ${id})`]
    : [`${dryRun ? 'Would move' : 'Moved'} from ${directory} to ${store} (id ${id}):`];
  if (moved) lines.push(...movedLines(moved).map((line) => `  ${line}`));
  if (kept !== undefined) {
    lines.push(
      `${directory} does not serve by itself any more; its journal is kept in ${kept}`,
      `Start the daemons: lockd serve --store ${store} --directory ${directory} --advertise-url URL`,
    );
  }
  return lines;
}

function movedLines({ holds, places, losses, retryKeys, nextToken, history }: Moved): string[] {
  const rest = history.isComplete ? 'all there are' : 'those before stay in the journal';
  return [
    `locks held: ${holds}`,
    `places in lines: ${places}`,
    `losses remembered: ${losses}, used retry keys: ${retryKeys}`,
    `turns of history: ${history.turns}, ${rest}`,
    `the next token is ${nextToken} or later`,
  ];
}
