/**
 * Type-checks every layer by its own tsconfig, then the tests, then what touches Electron once more against the types of
 * the oldest Electron the main process must run on.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runStep } from './lib/run.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const oldTypes = join(root, 'node_modules/.cache/electron-33/electron.d.ts');

if (!existsSync(oldTypes)) {
  const { ensureElectron33Types } = await import('./electron-33-types.mjs');
  await ensureElectron33Types();
}
await runStep('types of every layer', process.execPath, [tsc, '-b', 'tsconfig.json']);
await runStep('types of the tests', process.execPath, [tsc, '-p', 'tsconfig.test.json']);
await runStep('types of main on Electron 33', process.execPath, [tsc, '-b', 'src/main/tsconfig.electron33.json']);
await runStep('types of preload on Electron 33', process.execPath, [tsc, '-b', 'src/preload/tsconfig.electron33.json']);
