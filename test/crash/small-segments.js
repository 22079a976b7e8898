// `node small-segments.js DIRECTORY BYTES`: `lockd serve` on a free port, but with journal segments of BYTES and hardly
// any history, which no flag of the command line asks for: it begins a new segment every few turns.
import { runDaemon } from '../../dist/cli/run-daemon.js';
import { Terminal } from '../../dist/cli/terminal.js';

const [, , directory, bytes] = process.argv;
const world = { environment: process.env, stdout: process.stdout, stderr: process.stderr };
try {
  await runDaemon(
    {
      directory,
      addresses: [{ host: '127.0.0.1', port: 0 }],
      segmentBytes: Number(bytes),
      historySizeBytes: 4 * Number(bytes),
    },
    'info',
    new Terminal(world, false),
  );
} catch (error) {
  if (error.name !== 'StartRefused') throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
