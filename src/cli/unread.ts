/**
 * Notices that nobody reads a pipe any more. A process learns that when it writes, and one that has nothing to write must
 * ask poll(2), which Node does not offer. GNU tail asks while it follows a file, and ends with SIGPIPE. Where there is no
 * tail, or another one, nothing is noticed.
 */
import { spawn } from 'node:child_process';

/** Calls `action` when nobody reads the pipe with this descriptor any more, unless what this answers is called before. */
export function whenUnread(descriptor: number, action: () => void): () => void {
  // It holds the pipe open: with --pid it is gone within a second of us, however we end.
  const tail = spawn('tail', ['-f', '--pid', String(process.pid), '/dev/null'], {
    // Nothing else of ours: there may be a secret in it.
    env: { PATH: process.env.PATH },
    stdio: ['ignore', descriptor, 'ignore'],
  });
  tail.on('error', () => undefined);
  tail.on('exit', (_, signal) => {
    if (signal === 'SIGPIPE') action();
  });
  return () => void tail.kill();
}
