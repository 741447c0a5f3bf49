/** Format, lint, types, unit tests: what must be green before every commit. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runStep } from './lib/run.mjs';

const require = createRequire(import.meta.url);
const tool = (/** @type {string} */ name, /** @type {string} */ file) =>
  join(dirname(require.resolve(`${name}/package.json`)), file);

await runStep('format', process.execPath, [
  tool('prettier', 'bin/prettier.cjs'),
  '--check',
  '--log-level',
  'warn',
  '.',
]);
await runStep('lint', process.execPath, [tool('eslint', 'bin/eslint.js'), '--max-warnings', '0', '.']);
await runStep('types', process.execPath, ['scripts/types.mjs']);
await runStep('unit tests', process.execPath, [tool('vitest', 'vitest.mjs'), 'run']);
