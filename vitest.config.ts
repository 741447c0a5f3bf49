import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.mjs'],
    // Generous: a test waits for conditions, and a slow machine is no failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
