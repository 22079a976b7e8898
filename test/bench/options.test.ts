import { expect, test } from 'vitest';
import { benchOptions, PARTS } from './options.js';

test.each([
  { args: [], parts: PARTS.filter((part) => part !== 'soak') },
  { args: ['--soak'], parts: ['soak'] },
  { args: ['--parts', 'waiters,pairs'], parts: ['pairs', 'waiters'] },
  { args: ['--parts', 'pairs', '--soak', '2'], parts: ['pairs', 'soak'] },
  { args: ['--parts', 'soak'], parts: ['soak'] },
])('$args measures $parts', ({ args, parts }) => {
  expect(benchOptions(args).parts).toEqual(parts);
});

test.each([
  { args: ['--soak'], minutes: 10 },
  { args: ['--soak', '--json'], minutes: 10 },
  { args: ['--soak', '0.5'], minutes: 0.5 },
  { args: ['--soak=3', '--json'], minutes: 3 },
])('$args soaks for $minutes minutes', ({ args, minutes }) => {
  const options = benchOptions(args);
  expect(options.soakMinutes).toBe(minutes);
  expect(options.json).toBe(args.includes('--json'));
});

test.each([
  { args: ['--parts', 'pairs,nothing'], message: /--parts takes pairs, cluster, .*, not 'nothing'/ },
  { args: ['--load', 'ftp'], message: "--load takes http, sockets, not 'ftp'" },
  { args: ['--rounds', '0'], message: "--rounds takes a number above 0, not '0'" },
  { args: ['--seconds', 'long'], message: "--seconds takes a number above 0, not 'long'" },
  { args: ['--waiters', '10,'], message: "--waiters takes a number above 0, not ''" },
  { args: ['--fast'], message: /--fast/ },
])('$args is refused', ({ args, message }) => {
  expect(() => benchOptions(args)).toThrow(message);
});
