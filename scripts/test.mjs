// Everything that is needed first, then the unit tests, then the end-to-end tests. `--unit` and `--e2e` run one part, with
// what else is given handed to its runner.
import { bootstrap } from './bootstrap.mjs';
import { runScript } from './lib/teardown.mjs';
import { runTests } from './lib/test-runners.mjs';

const log = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

await runScript(async (defer) => {
  const given = process.argv.slice(2);
  const kinds = /** @type {const} */ (['unit', 'e2e']).filter((kind) => given.includes(`--${kind}`));
  const args = given.filter((arg) => arg !== '--unit' && arg !== '--e2e');
  if (args.length > 0 && kinds.length !== 1) throw new Error('Use --unit or --e2e to say which runner these are for');
  const { node } = await bootstrap({ log });
  let [passed, failed, skipped] = [0, 0, 0];
  for (const kind of kinds.length > 0 ? kinds : /** @type {const} */ (['unit', 'e2e'])) {
    const counts = await runTests(kind, { node, defer, args });
    passed += counts.passed;
    failed += counts.failed;
    skipped += counts.skipped;
  }
  log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 || passed === 0 ? 1 : 0;
});
