/** Runs a command line: the words in, texts and an exit status out. It ends no process. */
import { COMMANDS } from './commands.js';
import { DONE } from './exit-status.js';
import { reportFailure } from './failure.js';
import { buildProgram, type Request } from './program.js';
import { Terminal, type World } from './terminal.js';

/** Runs the command that `words` (without the program's name) ask for, and resolves with its exit status. */
export async function runCommandLine(words: readonly string[], world: World): Promise<number> {
  let terminal = new Terminal(world, false);
  try {
    const request = parse(words, world);
    if (!request) return DONE;
    terminal = request.command.terminal(request.sources, world);
    return await request.command.run(request.words, request.sources, terminal);
  } catch (error) {
    return reportFailure(error, terminal);
  }
}

/** Nothing comes back where the words only asked for help. */
function parse(words: readonly string[], world: World): Request | undefined {
  let request: Request | undefined;
  const program = buildProgram(COMMANDS, words, world, (asked) => {
    request = asked;
  });
  program.parse(words, { from: 'user' });
  return request;
}
