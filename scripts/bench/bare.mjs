// Bare Electron: what the wall is measured against. It is given a login URL that was made beforehand.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { projectRoot } from '../lib/npm.mjs';
import { startProcess } from '../lib/process.mjs';
import { electronArguments, plainEnvironment } from '../lib/program.mjs';

const APP = fileURLToPath(new URL('./bare-app', import.meta.url));

/**
 * Starts an Electron that shows one page full screen and does nothing else.
 *
 * @param {{ executable: string, folder: string, env: NodeJS.ProcessEnv, url: string, defer: import('../lib/teardown.mjs').Defer }} options
 *   `folder` is for its profile; `env` is the display's
 * @returns {Promise<import('../lib/process.mjs').Started>}
 */
export async function startBare({ executable, folder, env, url, defer }) {
  const [config, cache] = ['config', 'cache'].map((name) => join(folder, name));
  for (const path of [config, cache]) await mkdir(path, { recursive: true });
  const surroundings = { ...plainEnvironment(env), XDG_CONFIG_HOME: config, XDG_CACHE_HOME: cache, BARE_URL: url };
  const args = electronArguments({ app: APP, userData: join(folder, 'profile') });
  const bare = startProcess(executable, args, { cwd: folder, env: surroundings });
  defer(bare.stop);
  bare.child.stdout?.resume();
  return bare;
}

/**
 * A login URL to the dashboard, from the built command.
 *
 * @param {string} node
 * @param {Record<string, string>} env variables of the wall
 * @returns {Promise<string>}
 */
export async function loginUrl(node, env) {
  const command = join(projectRoot, 'dist', 'cli', 'main.js');
  const { stdout } = await promisify(execFile)(node, [command, 'login-url'], {
    env: { ...plainEnvironment(), ...env },
  });
  return stdout.trim();
}
