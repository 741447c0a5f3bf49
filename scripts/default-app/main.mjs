// What Electron runs when it is given an app on its command line. Stock builds bring one of their own; the build that
// Vigil falls back to was packaged for another app and has lost it.
import { app } from 'electron';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import v8 from 'node:v8';

/** Switches of the executable come first, then the app: everything after it is the app's own. */
function parse(args) {
  const preload = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '-r' || arg === '--require') preload.push(args[++i]);
    else if (arg.startsWith('--require=')) preload.push(arg.slice('--require='.length));
    else if (arg.startsWith('--app=')) return { preload, target: arg.slice('--app='.length) };
    else if (arg === '-v' || arg === '--version') return { preload, version: true };
    else if (!arg.startsWith('-')) return { preload, target: arg };
  }
  return { preload };
}

function fail(message) {
  // A dialog would stand there unseen where nobody watches the screen.
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Takes the app's identity from its package.json and returns the file to run. */
function adopt(target) {
  const path = resolve(target);
  if (!existsSync(path)) fail(`Unable to find Electron app at ${path}`);
  if (!statSync(path).isDirectory()) {
    app.setAppPath(dirname(path));
    return path;
  }
  const manifestPath = join(path, 'package.json');
  const manifest = existsSync(manifestPath) ? JSON.parse(readFileSync(manifestPath, 'utf8')) : {};
  if (manifest.version) app.setVersion(manifest.version);
  const name = manifest.productName || manifest.name;
  if (name) app.setName(name);
  if (manifest.desktopName) app.setDesktopName(manifest.desktopName);
  if (manifest.v8Flags) v8.setFlagsFromString(manifest.v8Flags);
  app.setAppPath(path);
  // require.resolve applies the rules for a folder: package.json main, else index.js.
  return createRequire(join(path, 'noop.js')).resolve(path);
}

const options = parse(process.argv.slice(1));
if (options.version) {
  process.stdout.write(`v${process.versions.electron}\n`);
  process.exit(0);
}
if (!options.target) fail('Give the path of an app: electron [switches] <folder or file> [arguments]');
Object.defineProperty(process, 'defaultApp', { value: true, enumerable: true, configurable: false });

try {
  const require = createRequire(join(process.cwd(), 'noop.js'));
  for (const file of options.preload) require(file);
  const entry = adopt(options.target);
  // Awaited at the top level, so that 'ready' waits until the app's own top level is through.
  await import(pathToFileURL(entry).href);
} catch (error) {
  fail(`The app failed to start: ${error?.stack ?? error}`);
}
