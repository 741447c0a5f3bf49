import { defineConfig } from '@playwright/test';

const LONG = ['chaos/**/*.spec.ts', 'day.spec.ts', 'private-ca.spec.ts', 'supervise.spec.ts'];

/**
 * Real Electron on private displays, against the stand-in on loopback. Each worker has a display of its own, so that a test can watch
 * its screen; each test has its own stand-in, profile and folders.
 */
export default defineConfig({
  testDir: '.',
  // Those that take minutes: `npm run e2e:long` runs them, and nothing else.
  ...(process.env['VIGIL_E2E_LONG'] === undefined ? { testIgnore: LONG } : { testMatch: LONG }),
  outputDir: '../test-results',
  fullyParallel: true,
  // Drawing and watching a full-HD screen takes about one core.
  workers: Number(process.env['VIGIL_E2E_WORKERS'] ?? 2),
  forbidOnly: process.env['CI'] !== undefined,
  // Generous: a test waits for conditions, and a slow machine is no failure.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
});
