/** `lockd fsck`: reads a directory as a daemon's start would, says what it finds, and changes nothing. */
import { defineCommand } from './command.js';
import { DONE, REFUSED } from './exit-status.js';
import { printable } from './printable.js';
import { UsageError } from './usage-error.js';

const STYLES = { ok: 'green', note: 'dim', warning: 'yellow', damage: 'red' } as const;
const LEVEL_WIDTH = 'warning'.length;

export const fsck = defineCommand({
  name: 'fsck',
  summary: 'look for damage in a lock directory; changes nothing',
  words: [['<directory>', 'the --directory of the daemon, which may be running']],
  settings: {},
  run: async ({ subject, terminal }) => {
    // Loaded only here, like the daemon itself.
    const { inspectDirectory } = await import('../service/fsck.js');
    const { findings, ok } = await inspectDirectory(subject).catch((error: Error) => {
      throw new UsageError(`${subject} cannot be looked at: ${error.message}`);
    });
    const lines = findings.map(({ level, text }) => {
      const label = terminal.paint(STYLES[level], level) + ' '.repeat(LEVEL_WIDTH - level.length);
      return `${label}  ${printable(text)}`;
    });
    terminal.answer({ json: { ok, findings }, text: lines.join('\n') });
    return ok ? DONE : REFUSED;
  },
});
