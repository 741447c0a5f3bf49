import { describe, expect, it } from 'vitest';
import { desktopEnvironment, isInstalled, runProgram } from './run-program.ts';

const node = (text: string, withinMs = 60_000) =>
  runProgram({ command: process.execPath, args: ['-e', text], withinMs });

describe('a program of the system', () => {
  it('gives what it wrote', async () => {
    expect(await node('console.log("ü")')).toEqual({ ok: true, output: 'ü\n', why: '' });
  });

  it('that fails says why, in its own first line', async () => {
    expect(await node('console.error("no display\\nusage"); process.exit(3)')).toMatchObject({
      ok: false,
      why: 'it ended with code 3: no display',
    });
    expect(await node('process.exit(4)')).toMatchObject({ ok: false, why: 'it ended with code 4' });
  });

  it('that is not there is no failure of ours', async () => {
    expect(await runProgram({ command: 'no-such-program-here', args: [], withinMs: 60_000 })).toMatchObject({
      ok: false,
      why: 'it is not installed',
    });
  });

  it('that never ends is killed, even when it left somebody behind who holds its output', async () => {
    const text = `const { spawn } = require('node:child_process');
      spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)'], { stdio: 'inherit', detached: true }).unref();
      setInterval(() => {}, 1000);`;
    expect(await node(text, 1_500)).toMatchObject({ ok: false, why: 'it did not end within 2 s' });
  });

  it('that writes without end fills no memory', async () => {
    const { output } = await node('for (let i = 0; i < 20; i++) require("fs").writeSync(1, "x".repeat(50000))');
    expect(output).toHaveLength(65_536);
  });

  it('learns nothing of the settings of a wall', () => {
    const env = {
      PATH: '/bin',
      DISPLAY: ':0',
      AWS_SECRET_ACCESS_KEY: 'a',
      NPM_TOKEN: 'b',
      VIGIL_PROXY: 'c',
      HTTPS_PROXY: 'd',
    };
    expect(desktopEnvironment(env)).toEqual({ PATH: '/bin', DISPLAY: ':0' });
  });

  it('is found by its name, and by its path', () => {
    expect(isInstalled(process.execPath)).toBe(true);
    expect(isInstalled('no-such-program-here')).toBe(false);
    expect(isInstalled('anything', {})).toBe(false);
  });
});
