import { configDefaults, defineConfig } from 'vitest/config';
/** The suites that need nothing but Node: `npm test`. What needs root, servers or other languages: vitest.wide.config.ts. */
export default defineConfig({
    test: {
        include: ['test/**/*.test.ts'],
        exclude: [...configDefaults.exclude, 'test/**/*.wide.test.ts'],
        testTimeout: 30_000,
        pool: 'forks',
    },
});
