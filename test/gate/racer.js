// Passes the gate FILE with each token that comes on standard input, and runs `sh -c COMMAND LOG TOKEN` in it; says how that ended.
import { createInterface } from 'node:readline';
import { StaleToken } from '../../dist/gate/errors.js';
import { pass } from '../../dist/gate/gate.js';
import { runWithLock } from '../../dist/gate/run-command.js';

const [file, log, command] = process.argv.slice(2);

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const passage = await pass(file, token);
    const status = await runWithLock(['sh', '-c', command, log, token], passage.descriptor);
    await passage.leave();
    console.log(status);
  } catch (error) {
    if (!(error instanceof StaleToken)) throw error;
    console.log(error.exitStatus);
  }
}
