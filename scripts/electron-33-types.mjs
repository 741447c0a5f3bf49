// Electron 33's type declarations, for checking that src/main and src/preload use nothing that 33 lacks. The package
// itself cannot be a dependency (45 has the name) and would download a binary when installed, so only its declarations
// are fetched, beside the other things in node_modules that can be made again.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchPackage, projectRoot } from './lib/npm.mjs';

const SPEC = 'electron@33.2.1';
const INTEGRITY = 'sha512-SG/nmSsK9Qg1p6wAW+ZfqU+AV8cmXMTIklUL18NnOKfZLlum4ZsDoVdmmmlL39ZmeCaq27dr7CgslRPahfoVJg==';

/** Where the declarations stand; the tsconfigs named `*.electron33.json` map `electron` onto it by `paths`. */
export const electron33Types = join(projectRoot, 'node_modules', '.cache', 'electron-33', 'electron.d.ts');

/**
 * Fetches the declarations of Electron 33.2.1 through npm's configured registry, once.
 *
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<string>} the path of `electron.d.ts`
 * @throws {Error} when npm fails, or what came differs from the pinned digest
 */
export async function ensureElectron33Types({ log = () => {} } = {}) {
  if (existsSync(electron33Types)) return electron33Types;
  log(`Type declarations of ${SPEC}: fetching from npm`);
  const folder = join(electron33Types, '..');
  const temporary = join(folder, `.partial-${process.pid}`);
  await mkdir(temporary, { recursive: true });
  try {
    const fetched = join(temporary, 'electron.d.ts');
    await fetchPackage({
      spec: SPEC,
      integrity: INTEGRITY,
      temporary,
      target: (name) => (name === 'package/electron.d.ts' ? fetched : undefined),
    });
    await rename(fetched, electron33Types);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return electron33Types;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const path = await ensureElectron33Types({ log: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${path}\n`);
}
