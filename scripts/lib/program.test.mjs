import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isAlive } from './cache.mjs';
import { startProcess, waitUntil } from './process.mjs';
import { followLog, plainEnvironment } from './program.mjs';
import { withTeardown } from './teardown.mjs';
import { countE2e, countUnit } from './test-runners.mjs';

const within = { what: 'Not seen', timeoutMs: 20_000 };

describe('plainEnvironment', () => {
  it('leaves out what speaks to a wall, and what would lead its calls elsewhere', () => {
    const env = { PATH: '/bin', HOME: '/home/x', AWS_PROFILE: 'a', VISIT_URL: 'b', NPM_TOKEN: 'c', HTTPS_PROXY: 'd' };
    expect(plainEnvironment({ ...env, http_proxy: 'e', ELECTRON_RUN_AS_NODE: '1', NPM_CONFIG_CACHE: 'f' })).toEqual({
      PATH: '/bin',
      HOME: '/home/x',
      NPM_CONFIG_CACHE: 'f',
    });
  });
});

describe('followLog', () => {
  it('reads lines as they come, also one that is written in parts, and goes on in a new file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vigil-follow-'));
    const file = join(folder, 'vigil.log');
    /** @type {string[]} */
    const events = [];
    const follower = followLog(file, ({ event }) => events.push(event));
    try {
      await writeFile(file, '{"event":"a"}\n{"eve');
      await waitUntil(() => events.length === 1, within);
      await appendFile(file, 'nt":"b"}\n');
      await waitUntil(() => events.length === 2, within);
      await writeFile(file, '{"event":"c"}\n');
      await waitUntil(() => events.length === 3, within);
      expect(events).toEqual(['a', 'b', 'c']);
    } finally {
      follower.stop();
      await rm(folder, { recursive: true });
    }
  });
});

describe('startProcess', () => {
  it('ends a program with what it started', async () => {
    const parent = `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      process.on('SIGTERM', () => process.exit(0));
      console.log(child.pid); setInterval(() => {}, 1000);`;
    const started = startProcess(process.execPath, ['-e', parent]);
    let output = '';
    started.child.stdout?.on('data', (chunk) => (output += chunk));
    const grandchild = await waitUntil(() => Number.parseInt(output, 10), within);
    await started.stop();
    expect(started.isRunning()).toBe(false);
    await waitUntil(() => !isAlive(grandchild), { ...within, what: 'It lives on' });
  });
  it('says how a program ended, and what it complained of', async () => {
    const failing = startProcess(process.execPath, ['-e', 'console.error("no good"); process.exit(3)']);
    expect(await failing.ended).toBe('ended with code 3');
    await waitUntil(() => failing.complaints() === 'no good', within);
    expect(await startProcess('/no/such/program', []).ended).toMatch(/^(could not be started|ended with code 127)/);
  });
});

describe('withTeardown', () => {
  it('undoes in reverse, also after a failure', async () => {
    /** @type {number[]} */
    const undone = [];
    const failing = withTeardown(async (defer) => {
      defer(() => undone.push(1));
      defer(() => undone.push(2));
      throw new Error('in between');
    });
    await expect(failing).rejects.toThrow('in between');
    expect(undone).toEqual([2, 1]);
  });
  it.runIf(process.platform !== 'win32')('undoes on a signal, and says so by its exit code', async () => {
    const module = fileURLToPath(new URL('./teardown.mjs', import.meta.url));
    const script = `import { withTeardown } from ${JSON.stringify(module)};
      await withTeardown(async (defer) => {
        defer(() => new Promise((resolve) => setTimeout(() => resolve(console.log('undone')), 50)));
        console.log('ready');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    await waitUntil(() => output.includes('ready'), within);
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, output]).toEqual([130, 'ready\nundone\n']);
  });
});

describe('counting', () => {
  it('counts a file that did not load as a failed test', () => {
    const testResults = [
      { status: 'failed', assertionResults: [] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ];
    const numbers = { numPassedTests: 1, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
    expect(countUnit({ ...numbers, testResults })).toEqual({ passed: 1, failed: 2, skipped: 3 });
  });
  it('counts a test that passed at a second try, and a fault outside of any test, as failed', () => {
    const stats = { expected: 4, unexpected: 0, flaky: 0, skipped: 1 };
    expect(countE2e({ stats, errors: [] })).toEqual({ passed: 4, failed: 0, skipped: 1 });
    expect(countE2e({ stats: { ...stats, flaky: 1 }, errors: [] }).failed).toBe(1);
    expect(countE2e({ stats, errors: [{}] }).failed).toBe(1);
  });
});
