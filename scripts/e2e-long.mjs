// The end-to-end tests that take minutes: every fault with the screen watched, a day on two displays, the supervisor with real walls.
process.env['VIGIL_E2E_LONG'] = '1';
process.argv.splice(2, 0, '--e2e');
await import('./test.mjs');
