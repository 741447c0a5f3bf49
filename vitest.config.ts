import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Many tests wait for processes: a core that is kept free by default would stand still.
    maxWorkers: '100%',
    include: ['src/**/*.test.ts', 'scripts/**/*.test.mjs'],
    // Generous: a test waits for conditions, and a slow machine is no failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
