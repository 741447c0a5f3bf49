import { defineConfig } from '@playwright/test';

/**
 * Real Electron on private displays, against the stand-in on loopback. Each worker has a display of its own, so that a test can watch
 * its screen; each test has its own stand-in, profile and folders.
 */
export default defineConfig({
  testDir: '.',
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
