/** A program that counts how often a signal reaches it. */

/** What it says when it counts, with the number of its parent. Only behind the line's end does it write no more for now. */
export const COUNTS = /up (\d+)\r?\n/;

/**
 * The command line of such a program. It waits for the signal, and then a second for another one; at last it says
 * `signals: N`, or writes that into a file. Where none comes it gives up after 20 s.
 */
export function countingSignals(signal: NodeJS.Signals, file = '/dev/stdout'): string[] {
  const lines = [
    'import os, signal, time',
    'count = 0',
    'def on(*_):',
    ' global count',
    ' count += 1',
    `signal.signal(signal.${signal}, on)`,
    // In one piece: whoever has read a part of it may take the terminal away, and the rest would fail.
    'os.write(1, b"up %d\\n" % os.getppid())',
    'end = time.monotonic() + 20',
    'while count == 0 and time.monotonic() < end: time.sleep(0.01)',
    'time.sleep(1)',
    `with open(${JSON.stringify(file)}, "w") as out: out.write("signals: %d\\n" % count)`,
  ];
  return ['python3', '-c', lines.join('\n')];
}
