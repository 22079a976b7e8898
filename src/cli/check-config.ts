/** `lockd serve --check-config`: what would be in force, and all that would keep the daemon from starting. */
import { readUsersFile } from '../access/users-file.js';
import { checkDirectory } from '../disk/directory-checks.js';
import { readTls, type TlsFiles } from '../http/tls.js';
import { DONE } from './exit-status.js';
import { printable } from './printable.js';
import type { Problems } from './problems.js';
import type { InForce } from './resolve.js';
import { tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { asUsage } from './usage-error.js';

/** What a start would look at. */
export interface ConfigCheck {
  readonly directory: string;
  readonly allowNetworkFs: boolean;
  readonly tls: TlsFiles | undefined;
  /** Path of the users file. */
  readonly users: string | undefined;
  /** Where the settings come from. */
  readonly inForce: () => readonly InForce[];
  /** What a start would warn of, from a look at the settings alone. */
  readonly warnings: readonly string[];
}

/**
 * Prints what is in force, and answers the exit status. Changes nothing, and listens nowhere. What is locked in the
 * directory, and whether its journal is whole, is `lockd fsck`'s to say.
 *
 * @param problems those that are known already.
 * @throws UsageError with all problems.
 */
export function checkConfig(check: ConfigCheck, problems: Problems, terminal: Terminal): number {
  const { tls, users } = check;
  const directory = problems.try(() => checkDirectory(check.directory, check));
  const encryption = tls && problems.try(() => asUsage(() => readTls(tls)));
  if (users !== undefined) problems.try(() => asUsage(() => readUsersFile(users, 'own')));
  problems.throwAny();
  const warnings = [...(directory?.warnings ?? []), ...(encryption?.warnings ?? []), ...check.warnings];
  const settings = check.inForce().filter(({ name }) => name !== 'check-config');
  terminal.answer({
    json: {
      ok: true,
      directory: { path: directory?.path, isThere: directory?.isThere },
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
      terminal.paint('green', 'A daemon would start with this'),
    ].join('\n'),
  });
  return DONE;
}
