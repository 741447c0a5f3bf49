import { spawn } from 'node:child_process';

/**
 * Runs a program with this terminal and ends the process with its code when it fails.
 * @param {string} what named on stderr before it starts
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<void>}
 */
export async function runStep(what, command, args, env = process.env) {
  process.stderr.write(`— ${what}\n`);
  const code = await run(command, args, env);
  if (code !== 0) {
    process.stderr.write(`${what}: failed (${code})\n`);
    process.exit(code || 1);
  }
}

/**
 * Runs a program with this terminal.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit code; 1 when a signal ended it
 */
export function run(command, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
