/** The process of `lockd`: runs its command line. */
import { writeSync } from 'node:fs';
import { defectText } from './defect.js';
import { DEFECT, REFUSED } from './exit-status.js';
import { printable } from './printable.js';
import { runCommandLine } from './run-command-line.js';

process.on('uncaughtException', (error) => {
  writeSync(process.stderr.fd, `${printable(defectText(error))}\n`);
  process.exit(DEFECT);
});

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Who read it has seen enough, as `head` does.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`${printable(`Standard output cannot be written (${error.message})`)}\n`, () =>
    process.exit(REFUSED),
  );
});

// There is no place left to say so.
process.stderr.on('error', () => undefined);

const { env: environment, stdout, stderr } = process;
process.exitCode = await runCommandLine(process.argv.slice(2), { environment, stdout, stderr });
