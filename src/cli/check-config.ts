/** `lockd serve --check-config`: what would be in force, and all that would keep the daemon from starting. */
import { readUsersFile } from '../access/users-file.js';
import { checkDirectory } from '../disk/directory-checks.js';
import { errorCode } from '../disk/disk.js';
import { Layout } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { refuseJournal, refuseOtherStore } from '../disk/store-marker.js';
import { readTls, type TlsFiles } from '../http/tls.js';
import type { ClusterSettings } from './cluster-settings.js';
import { DONE } from './exit-status.js';
import { printable } from './printable.js';
import type { Problems } from './problems.js';
import type { InForce } from './resolve.js';
import { tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { asUsage, UsageError } from './usage-error.js';

/** What a start would look at. */
export interface ConfigCheck {
  readonly directory: string;
  readonly allowNetworkFs: boolean;
  readonly tls: TlsFiles | undefined;
  /** Path of the users file. */
  readonly users: string | undefined;
  /** Undefined where the daemon would be alone. */
  readonly cluster: ClusterSettings | undefined;
  /** Where the settings come from. */
  readonly inForce: () => readonly InForce[];
  /** What a start would warn of, from a look at the settings alone. */
  readonly warnings: readonly string[];
}

/**
 * Prints what is in force, and answers the exit status. Changes nothing, listens nowhere, and asks no etcd. What is locked in the
 * directory, and whether its journal is whole, is `lockd fsck`'s to say.
 *
 * @param problems those that are known already.
 * @throws UsageError with all problems.
 */
export async function checkConfig(
  check: ConfigCheck,
  problems: Problems,
  terminal: Terminal,
): Promise<number> {
  const { tls, users } = check;
  const directory = problems.try(() => {
    const checked = checkDirectory(check.directory, check);
    if (checked.isThere) checkStore(checked.path, check.cluster);
    return checked;
  });
  const encryption = tls && problems.try(() => asUsage(() => readTls(tls)));
  if (users !== undefined) problems.try(() => asUsage(() => readUsersFile(users, 'own')));
  const store = await checkCluster(check.cluster, problems);
  problems.throwAny();
  const warnings = [
    ...[directory, encryption, store].flatMap((part) => part?.warnings ?? []),
    ...check.warnings,
  ];
  const settings = check.inForce().filter(({ name }) => name !== 'check-config');
  terminal.answer({
    json: {
      ok: true,
      directory: { path: directory?.path, isThere: directory?.isThere },
      ...(check.cluster ? { cluster: { store: check.cluster.store.text, url: check.cluster.url } } : {}),
      settings: Object.fromEntries(settings.map(({ name, values, from }) => [name, { values, from }])),
      warnings,
    },
    text: [
      ...tableLines(
        settings.map(({ name, values, from }) => [`--${name}`, printable(values.join(', ')), from]),
      ),
      '',
      ...warnings.map((warning) => terminal.paint('yellow', `warning: ${printable(warning)}`)),
      `${printable(directory?.path ?? '')} ${directory?.isThere ? 'is there, and lockd may use it' : 'would be made'}`,
      ...(check.cluster
        ? [`Clients and other daemons would be told ${check.cluster.url}; etcd was not asked`]
        : []),
      terminal.paint('green', 'A daemon would start with this'),
    ].join('\n'),
  });
  return DONE;
}

/** Whether what is locked there is kept where it would be looked for. Throws `StartRefused`, or `UsageError`. */
function checkStore(path: string, cluster: ClusterSettings | undefined): void {
  const layout = new Layout(path);
  try {
    if (!nodeDisk.exists(layout.own)) return;
    if (cluster) refuseJournal(nodeDisk, layout);
    else refuseOtherStore(nodeDisk, layout);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new UsageError(`${layout.own} cannot be looked into: ${(error as Error).message}`);
  }
}

/** Reads the files that say how to reach etcd, as a start would. */
async function checkCluster(cluster: ClusterSettings | undefined, problems: Problems) {
  if (!cluster) return undefined;
  const { readStoreFiles } = await import('./cluster-files.js');
  return problems.try(() => readStoreFiles(cluster.files));
}
