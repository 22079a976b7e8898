import { configDefaults, defineConfig } from 'vitest/config';
import { reporting } from './test/reporters.js';

/** Each has daemons and disks of its own, and measures no speed: several run at the same time. */
const SIDE_BY_SIDE = [
  ...['failing-calls', 'hung-flush', 'hung-flush-run', 'killed-lines', 'storage-failure'].map(
    (name) => `test/wide/${name}.wide.test.ts`,
  ),
  ...['foreign', 'looks', 'meanwhile', 'names', 'states', 'story', 'stream'].map(
    (name) => `test/page/${name}.wide.test.ts`,
  ),
  'test/clients/shell-cuts.wide.test.ts',
];

/** A directory with 100,000 lock files takes a while to be removed. */
const common = { testTimeout: 120_000, hookTimeout: 60_000, pool: 'forks' } as const;

/** The suites that need root, strace, mounts, or other languages' XML-RPC clients, a browser: `npm run test:wide`. */
export default defineConfig({
  test: {
    ...reporting,
    projects: [
      {
        test: {
          ...common,
          name: 'alone',
          include: ['test/**/*.wide.test.ts'],
          exclude: [...configDefaults.exclude, ...SIDE_BY_SIDE],
          // Mounts and load belong to the whole machine: one file at a time.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: 'side by side',
          include: SIDE_BY_SIDE,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
