/**
 * Bundles the programs and the own pages into dist/. Electron's main process and the Node programs are ES modules
 * with shared chunks, so that what is not needed at start (S3, the tray) is not parsed at start; a sandboxed preload must be one
 * CommonJS file.
 */
import { cp, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readReleaseKeys } from './release-keys.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'dist');

// Bundled CommonJS packages call require() for Node's own modules; an ES module has none of its own.
const requireBanner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

const common = {
  absWorkingDir: root,
  bundle: true,
  target: 'es2022',
  sourcemap: /** @type {const} */ ('linked'),
  sourcesContent: false,
  legalComments: /** @type {const} */ ('none'),
  logLevel: /** @type {const} */ ('warning'),
};
const esm = {
  ...common,
  platform: /** @type {const} */ ('node'),
  format: /** @type {const} */ ('esm'),
  splitting: true,
  minify: true,
  keepNames: true,
  chunkNames: 'chunks/[name]-[hash]',
  banner: requireBanner,
};

/**
 * Bundles the command, with the keys that it trusts versions by.
 *
 * @param {string} outdir
 * @param {string} releaseKeys PEM text, or nothing
 */
export async function buildCommand(outdir, releaseKeys) {
  const { build: bundle } = await import('esbuild');
  const define = { __VIGIL_RELEASE_KEYS__: JSON.stringify(releaseKeys) };
  // The writer is a program of its own, for a thread.
  const entryPoints = { main: 'src/cli/main.ts', 'sqlite-writer': 'src/server/state/sqlite-writer.ts' };
  await bundle({ ...esm, entryPoints, outdir, define });
}

/**
 * Bundles the server for AWS Lambda: one file with everything in it, AWS's SDK too, in the version that was tested.
 *
 * @param {string} outdir
 */
export async function buildLambda(outdir) {
  const { build: bundle } = await import('esbuild');
  await bundle({
    ...esm,
    splitting: false,
    sourcemap: false,
    target: 'node24',
    entryPoints: { index: 'src/server/lambda.ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
  });
}

/** Builds everything into dist/; rejects when a bundle fails, or when the release's keys are none. */
export async function build() {
  const { build: bundle } = await import('esbuild');
  const releaseKeys = readReleaseKeys();
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await Promise.all([
    bundle({ ...esm, entryPoints: ['src/main/index.ts'], outdir: 'dist/main', external: ['electron'] }),
    buildCommand('dist/cli', releaseKeys),
    buildLambda('dist/lambda'),
    bundle({ ...esm, entryPoints: ['src/standin/main.ts'], outdir: 'dist/standin' }),
    bundle({
      ...common,
      entryPoints: { notice: 'src/preload/notice.ts', strip: 'src/preload/strip.ts' },
      outdir: 'dist/preload',
      outExtension: { '.js': '.cjs' },
      platform: 'node',
      format: 'cjs',
      external: ['electron'],
    }),
    bundle({
      ...common,
      entryPoints: { 'notice/notice': 'src/renderer/notice/notice.ts', 'strip/strip': 'src/renderer/strip/strip.ts' },
      outdir: 'dist/renderer',
      platform: 'browser',
      format: 'iife',
    }),
  ]);
  for (const page of ['notice', 'strip']) {
    for (const file of ['index.html', `${page}.css`]) {
      await cp(join(root, 'src/renderer', page, file), join(out, 'renderer', page, file));
    }
  }
  await cp(join(root, 'assets'), join(out, 'assets'), { recursive: true });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build();
