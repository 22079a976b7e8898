import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.js';
import { reporting } from './test/reporters.js';

/** They measure how quick the daemon is, or need a kernel that nobody asks to flush: nothing else may run meanwhile. */
const ALONE = [
  'test/page/many.wide.test.ts',
  'test/wide/metrics-speed.wide.test.ts',
  'test/wide/power-cut.wide.test.ts',
  'test/wide/strangers.wide.test.ts',
];

/** A directory with 100,000 lock files takes a while to be removed; and a busy machine takes its time for everything. */
const common = {
  testTimeout: 300_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 15_000 } },
  pool: 'forks',
} as const;

/** The suites that need root, strace, mounts, or other languages' XML-RPC clients, a browser: `npm run test:wide`. */
export default defineConfig({
  test: {
    ...reporting,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...common,
          name: 'alone',
          include: ALONE,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: 'side by side',
          // Each has daemons and disks of its own.
          include: ['test/**/*.wide.test.ts'],
          exclude: [...configDefaults.exclude, ...ALONE],
          maxWorkers: 4,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
