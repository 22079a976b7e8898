/** `lockd fsck`: reads a directory as a daemon's start would, and says what it finds; with --repair it mends that. */
import type { Repair } from '../service/repair.js';
import { defineCommand } from './command.js';
import { DONE, REFUSED } from './exit-status.js';
import { printable } from './printable.js';
import { toggle } from './setting.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

const STYLES = {
  ok: 'green',
  note: 'dim',
  warning: 'yellow',
  damage: 'red',
  mended: 'green',
  lost: 'red',
} as const;
const LEVEL_WIDTH = 'warning'.length;

export const fsck = defineCommand({
  name: 'fsck',
  summary: 'look for damage in a lock directory; changes nothing without --repair',
  words: [['<directory>', 'the --directory of the daemon, which may be running, but not with --repair']],
  settings: {
    repair: toggle(
      'mend what keeps a daemon from starting; what is in doubt stays locked, nothing is deleted',
    ),
  },
  run: async ({ subject, settings, terminal }) => {
    const { findings, ok, kept } = await look(subject, settings.repair, terminal);
    const lines = findings.map(({ level, text }) => {
      const label = terminal.paint(STYLES[level], level) + ' '.repeat(LEVEL_WIDTH - level.length);
      return `${label}  ${printable(text)}`;
    });
    if (kept !== undefined) lines.push('', `What was taken out is kept: ${printable(kept)}`);
    const json = { ok, findings, ...(kept === undefined ? {} : { kept }) };
    terminal.answer({ json, text: lines.join('\n') });
    return ok ? DONE : REFUSED;
  },
});

async function look(directory: string, repair: boolean, terminal: Terminal): Promise<Repair> {
  // Loaded only here, like the daemon itself.
  const { inspectDirectory } = await import('../service/fsck.js');
  const inspection = await inspectDirectory(directory).catch((error: Error) => {
    throw new UsageError(`${directory} cannot be looked at: ${error.message}`);
  });
  if (!repair) return { ...inspection, kept: undefined };
  const { repairDirectory } = await import('../service/repair.js');
  return repairDirectory(directory, (message) => terminal.aside(printable(message)));
}
