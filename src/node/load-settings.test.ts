import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { FileStore } from '../core/ports.ts';
import { createNodeFileStore } from './file-store.ts';
import { loadSettings, type LoadSettingsInput, policyFile, userSettingsFolder } from './load-settings.ts';

function store(files: Readonly<Record<string, string | Error>>): FileStore {
  return {
    read(path) {
      const content = files[path];
      if (content instanceof Error) return Promise.reject(content);
      return Promise.resolve(content === undefined ? undefined : new TextEncoder().encode(content));
    },
    stamp: () => Promise.resolve(undefined),
  };
}

function load(files: Readonly<Record<string, string | Error>>, more: Partial<LoadSettingsInput> = {}) {
  return loadSettings({
    env: {},
    platform: 'linux',
    home: '/home/wall',
    workingFolder: '/srv',
    files: store(files),
    ...more,
  });
}

const USER = '/home/wall/.config/Vigil/settings.json';
const POLICY = '/etc/vigil/policy.yml';

describe('where settings are looked for', () => {
  it.each([
    ['linux', {}, '/home/wall/.config/Vigil'],
    ['linux', { XDG_CONFIG_HOME: '/cfg' }, '/cfg/Vigil'],
    ['linux', { XDG_CONFIG_HOME: 'relative' }, '/home/wall/.config/Vigil'],
    ['darwin', {}, '/home/wall/Library/Application Support/Vigil'],
    ['win32', { APPDATA: 'C:\\Users\\wall\\AppData\\Roaming' }, 'C:\\Users\\wall\\AppData\\Roaming\\Vigil'],
  ])('on %s with %j', (platform, env, folder) => {
    expect(userSettingsFolder({ platform, env, home: '/home/wall' })).toBe(folder);
  });

  it('is nowhere without a home', () => {
    expect(userSettingsFolder({ platform: 'linux', env: {}, home: '' })).toBeUndefined();
  });

  it('for policies is where only administrators write', () => {
    expect(policyFile({ platform: 'linux', env: {} })).toBe(POLICY);
    expect(policyFile({ platform: 'win32', env: { PROGRAMDATA: 'D:\\Data' } })).toBe('D:\\Data\\Vigil\\policy.yml');
  });
});

describe('loading', () => {
  it('does without any file', async () => {
    const { settings, problems, files } = await load({}, { hostName: 'Lobby Wall.local' });
    expect(problems).toEqual([]);
    expect(settings.role.sessionName).toBe('vigil-Lobby-Wall.local');
    expect(files).toEqual([
      { layer: 'policy', path: POLICY, found: false },
      { layer: 'user settings', path: USER, found: false },
    ]);
  });

  it('lets policy defaults yield to the user, and locked policy to nobody', async () => {
    const { settings, sources, problems } = await load(
      {
        [POLICY]:
          'defaults:\n  dashboard: {zoom: 2}\n  network: {timeoutSeconds: 10}\nlocked:\n  network: {proxy: none}\n',
        [USER]: '{"dashboard": {"zoom": 3}, "network": {"proxy": "system"}}',
      },
      {
        env: { VIGIL_PROXY: 'system' },
        flags: { layer: 'flags', name: 'flags', values: { network: { proxy: 'system' } } },
      },
    );
    expect(problems).toEqual([]);
    expect(settings.dashboard.zoom).toBe(3);
    expect(settings.network).toEqual({ proxy: 'none', timeoutSeconds: 10 });
    expect(sources['network.proxy']).toEqual({ layer: 'locked policy', name: POLICY });
    expect(sources['network.timeoutSeconds']?.layer).toBe('policy defaults');
  });

  it.each([
    ['locked:\n  network:\n    proxy: 5\n', 'line 3: network.proxy must'],
    ['lock: {}\n', 'and not lock'],
    ['- 1\n', 'must hold the groups'],
    ['locked: 5\n', 'must be a group'],
    ['locked: {version: 9}\n', 'this Vigil is older'],
  ])('names what is wrong with a policy: %j', async (text, told) => {
    const { problems } = await load({ [POLICY]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.sentence).toContain(POLICY);
    expect(problems[0]?.sentence).toContain(told);
  });

  it('takes --config instead of the user settings', async () => {
    const files = { '/srv/my.yml': 'dashboard: {zoom: 2}', [USER]: '{"dashboard": {"zoom": 3}}' };
    const { settings, sources } = await load(files, { configFile: 'my.yml' });
    expect(settings.dashboard.zoom).toBe(2);
    expect(sources['dashboard.zoom']?.name).toBe('/srv/my.yml');
  });

  it('says that the file of --config is missing', async () => {
    const { problems } = await load({}, { configFile: 'my.yml' });
    expect(problems).toMatchObject([
      { code: 'SETTINGS_UNREADABLE', sentence: 'There is no settings file /srv/my.yml.' },
    ]);
  });

  it('goes on without a file that is broken, and names it', async () => {
    const { settings, problems } = await load({ [USER]: '{"dashboard": ' }, { env: { VIGIL_ZOOM: '2' } });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.sentence).toContain(USER);
    expect(settings.dashboard.zoom).toBe(2);
  });

  it.each([
    ['EACCES', 'no permission'],
    ['EIO', 'EIO'],
  ])('goes on without a file that fails with %s', async (code, told) => {
    const { problems } = await load({ [POLICY]: Object.assign(new Error('x'), { code }) });
    expect(problems).toMatchObject([{ code: 'SETTINGS_UNREADABLE' }]);
    expect(problems[0]?.sentence).toContain(told);
  });

  it('says that a folder is no file, on a real disk', async () => {
    const folder = await mkdtemp(`${tmpdir()}/vigil-`);
    try {
      const { problems } = await load({}, { configFile: folder, files: createNodeFileStore() });
      expect(problems.map(({ sentence }) => sentence)).toEqual([`${folder} cannot be read: it is a folder.`]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses a file that is larger than any settings, on a real disk', async () => {
    const folder = await mkdtemp(`${tmpdir()}/vigil-`);
    try {
      const configFile = `${folder}/large.yml`;
      await writeFile(configFile, '#'.repeat(1024 * 1024 + 1));
      const { problems } = await load({}, { configFile, files: createNodeFileStore() });
      expect(problems).toMatchObject([{ code: 'SETTINGS_UNREADABLE' }]);
      expect(problems[0]?.sentence).toBe(`${configFile} cannot be read: it is larger than 1 MiB.`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('reads paths from where they are written', async () => {
    const { settings } = await load(
      { [USER]: '{"keys": {"directory": "keys"}, "wall": {"logFolder": "~/log"}}' },
      { env: { VIGIL_CA_FILE: 'ca.pem' } },
    );
    expect(settings.keys.directory).toBe('/home/wall/.config/Vigil/keys');
    expect(settings.network.caFile).toBe('/srv/ca.pem');
    expect(settings.wall.logFolder).toBe('/home/wall/log');
  });

  it('leaves bad paths for the schema to name', async () => {
    const { problems } = await load({}, { env: { AUTO_ID_KEYS_DIR: 'a\u0000b' } });
    expect(problems).toMatchObject([{ path: 'keys.directory' }]);
  });
});

describe("npm's own configuration", () => {
  const env = { NPM_SCOPE: 'example' };
  const npmrc =
    'registry=https://all.example/\n; x\n@example:registry = "https://${HOSTPART}.example/"\n//a/:_authToken=s3cret\n';

  it('gives the registry of the scope, else the general one', async () => {
    const files = { '/home/wall/.npmrc': npmrc };
    const one = await load(files, { env: { ...env, HOSTPART: 'own' } });
    expect(one.settings.keys.npm.registry).toBe('https://own.example/');
    expect(one.sources['keys.npm.registry']).toEqual({ layer: 'npm configuration', name: '/home/wall/.npmrc' });
    const other = await load(files, { env: { NPM_SCOPE: 'other' } });
    expect(other.settings.keys.npm.registry).toBe('https://all.example/');
    expect(JSON.stringify([one, other])).not.toContain('s3cret');
  });

  it('yields to every setting', async () => {
    const { settings } = await load(
      { '/home/wall/.npmrc': npmrc },
      { env: { ...env, VIGIL_NPM_REGISTRY: 'https://set.example/' } },
    );
    expect(settings.keys.npm.registry).toBe('https://set.example/');
  });

  it('gives it from the environment first', async () => {
    const { settings } = await load(
      { '/home/wall/.npmrc': 'registry=https://all.example/' },
      { env: { ...env, npm_config_registry: 'https://env.example/' } },
    );
    expect(settings.keys.npm.registry).toBe('https://env.example/');
  });

  it('is asked only where the keys come from npm', async () => {
    const { settings } = await load({ '/home/wall/.npmrc': npmrc }, { env: { ...env, AUTO_ID_KEYS_DIR: '/keys' } });
    expect(settings.keys.npm.registry).toBeUndefined();
  });

  it('gives the public one where nobody has configured any', async () => {
    const { settings, sources, problems } = await load({}, { env });
    expect(problems).toEqual([]);
    expect(settings.keys.npm.registry).toMatch(/^https:\/\/registry\./);
    expect(sources['keys.npm.registry']).toEqual({ layer: 'npm configuration', name: "npm's own default" });
  });

  it('is checked like a setting', async () => {
    const { problems } = await load({ '/home/wall/.npmrc': 'registry=http://plain.example/' }, { env });
    expect(problems).toMatchObject([{ path: 'keys.npm.registry' }]);
  });
});
