/** `python3 lockd.py run` at a terminal: the command may read, and gets the terminal's signals once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COUNTS, countingSignals } from '../counting-signals.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockedResources } from './python-daemon.js';
import { outcome, PythonProcess } from './python-process.js';

/** Plays a person at a terminal: starts the words, waits for a text, types, and prints all that came. */
const PERSON = `
import os, pty, re, sys, time
words, dialogue = eval(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(words[0], words)
shown = ''
def until(pattern):
    global shown
    while not re.search(pattern, shown):
        shown += os.read(terminal, 1000).decode()
for pattern, answer in dialogue:
    until(pattern)
    os.write(terminal, answer.encode())
try:
    while True: shown += os.read(terminal, 1000).decode()
except OSError: pass
print(shown)
print('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if hasattr(os, 'waitstatus_to_exitcode') else os.waitpid(pid, 0)[1] >> 8)
`;

const python = (source: string) => ['python3', '-c', source];

describeWith(['python3'], 'lockd.py run at a terminal', () => {
  /** The command at a terminal of its own, under `run`. */
  async function atTerminal(
    command: readonly string[],
    dialogue: readonly (readonly [pattern: string, typed: string])[],
    more: readonly string[] = [],
  ) {
    const { url } = await serve();
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'person.py'), PERSON);
    const lockdPyFile = new URL('../../clients/lockd.py', import.meta.url).pathname;
    const words = ['python3', lockdPyFile, 'run', 'r', ...more, '--', ...command];
    const person = new PythonProcess([join(directory, 'person.py'), JSON.stringify([words, dialogue])], {
      LOCKD_URL: url,
    });
    const { stdout, stderr } = await outcome(person);
    expect(await lockedResources(url)).toEqual([]);
    return stdout + stderr;
  }

  test('a command asks and is answered', async () => {
    const shown = await atTerminal(python("print('hello', input('name? '))"), [['name\\? ', 'ada\n']]);
    expect(shown).toContain('hello ada');
    expect(shown).toContain('status 0');
  });

  test('Ctrl-C reaches it once', async () => {
    const shown = await atTerminal(countingSignals('SIGINT'), [[COUNTS.source, '\u0003']]);
    expect(shown).toContain('signals: 1');
    expect(shown).toContain('status 0');
  });

  test('Ctrl-C that ends it is its exit status', async () => {
    const shown = await atTerminal(
      python(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nprint('ready', flush=True)\ntime.sleep(20)",
      ),
      [['ready', '\u0003']],
    );
    expect(shown).toContain('status 130');
  });

  test('a shell can stop it and bring it back', async () => {
    const { url } = await serve();
    const lockdPyFile = new URL('../../clients/lockd.py', import.meta.url).pathname;
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'person.py'), PERSON);
    const dialogue = [
      ['ready\\$ $', `python3 ${lockdPyFile} run r -- sh -c 'echo be''gun; read a; echo got $a'\n`],
      ['begun', '\u001a'],
      ['Stopped[\\s\\S]*ready\\$ $', 'fg\n'],
      ['Stopped[\\s\\S]*fg\\r\\n[\\s\\S]*lockd', 'hello\n'],
      ['got hello[\\s\\S]*ready\\$ $', 'exit\n'],
    ];
    const words = ['env', 'PS1=ready$ ', 'bash', '--norc', '--noprofile', '-i'];
    const person = new PythonProcess([join(directory, 'person.py'), JSON.stringify([words, dialogue])], {
      LOCKD_URL: url,
    });
    expect((await outcome(person)).stdout).toContain('got hello');
  });

  test('--no-foreground gives it a session of its own', async () => {
    const shown = await atTerminal(
      python("import os; print('leader', os.getsid(0) == os.getpid())"),
      [],
      ['--no-foreground'],
    );
    expect(shown).toContain('leader True');
  });
});
