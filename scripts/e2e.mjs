// The end-to-end tests alone; what is given goes to Playwright's test runner.
process.argv.splice(2, 0, '--e2e');
await import('./test.mjs');
