import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { directoryKeySource } from '../../keys/directory.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { devicesChange, devicesInvite, devicesList, devicesShow } from './devices.ts';
import { keysCertify, keysInit, keysPublish, keysRotate, keysStatus } from './keys.ts';

let folder: string;
let options: { data: string; root: string; serverId: string; protocols: string; places: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-keys-'));
  options = {
    data: join(folder, 'data'),
    root: join(folder, 'root.pem'),
    serverId: 'acme',
    protocols: 'v2',
    places: join(folder, 'places.json'),
  };
  await writePlaces([{ kind: 'directory', path: 'published' }]);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const writePlaces = (places: readonly object[]): Promise<void> => writeFile(options.places, JSON.stringify({ places }));

/** Rejects with this code and a sentence like that. */
async function refused(call: Promise<unknown>, code: string, sentence: RegExp): Promise<void> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`no refusal but ${String(error)}`);
  expect([error.code, sentence.test(error.message) ? 'as told' : error.message]).toEqual([code, 'as told']);
}

describe('vigil keys', () => {
  it('makes keys, publishes them, certifies, rotates in an emergency, and tells', async () => {
    expect(await keysInit(options)).toMatch(/generation 1, v2.*\n.*carry it away/s);
    expect((await stat(options.root)).mode & 0o777).toBe(0o600);
    expect((await stat(options.data)).mode & 0o777).toBe(0o700);
    expect(await keysStatus(options)).toMatch(/generation 1 {2}current[^]*published: current/);
    const file = await readFile(join(folder, 'published', 'keyset.bin'));
    expect(await keysCertify(options)).toMatch(/^Rotation key 2 is certified/);
    expect(await keysRotate({ ...options, emergency: true })).toBe('Generation 2 is current.\n');
    expect(await readFile(join(folder, 'published', 'keyset.bin'))).not.toEqual(file);
    await rm(join(folder, 'published'), { recursive: true });
    expect(await keysStatus(options)).toMatch(/published: behind/);
    await keysPublish(options);
    const status = JSON.parse(await keysStatus({ ...options, json: true })) as object;
    expect(status).toMatchObject({
      certificate: { serial: 2 },
      generations: [{ generation: 2, state: 'current' }],
      places: [{ state: 'current' }],
      rotating: false,
    });
    expect(await keysRotate({ ...options, ifOlder: '1h' })).toBe('Generation 2 is current.\n');
    await refused(keysInit(options), 'USAGE', /There are keys in .* already/);
  });

  it('seals the root and the keys by passphrases', async () => {
    vi.stubEnv('VIGIL_ROOT_PASSPHRASE', 'a root that is kept offline');
    vi.stubEnv('VIGIL_SEAL_PASSPHRASE', 'a seal that somebody types');
    await keysInit({ ...options, seal: 'passphrase' });
    expect(await readFile(options.root, 'utf8')).not.toContain('PRIVATE KEY');
    expect(await keysCertify(options)).toMatch(/^Rotation key 2/);
    vi.stubEnv('VIGIL_ROOT_PASSPHRASE', 'another passphrase');
    await refused(keysCertify(options), 'KEYS_UNREADABLE', /passphrase does not open the root/);
    vi.stubEnv('VIGIL_ROOT_PASSPHRASE', '');
    await refused(keysCertify(options), 'KEYS_UNREADABLE', /is sealed: give its passphrase/);
    vi.stubEnv('VIGIL_SEAL_PASSPHRASE', 'something else altogether');
    await refused(keysStatus(options), 'SETTINGS_INVALID', /give the right one/);
  });

  it('makes both protocols, which a client of the first can use', async () => {
    await keysInit({ ...options, protocols: 'v1,v2' });
    const directory = join(folder, 'published');
    const set = await directoryKeySource({ files: createNodeFileStore(), directory }).fetch();
    expect(set).toMatchObject({ publicKeyPem: expect.stringMatching(/^ssh-rsa AAAA/) as string });
  });

  it('says what is not everywhere yet, and what is wrong with a list of places', async () => {
    await keysInit(options);
    await writeFile(join(folder, 'file'), '');
    await writePlaces([{ kind: 'directory', path: 'file' }]);
    await refused(
      keysRotate({ ...options, emergency: true }),
      'PUBLISH_FAILED',
      /^Generation 2 is not everywhere yet: dir/,
    );
    await writePlaces([{ kind: 'ftp' }]);
    await refused(keysStatus(options), 'SETTINGS_INVALID', /list of places is wrong at places\.0\.kind/);
    await writePlaces([{ kind: 'npm', package: '@a/b', registry: 'https://registry.example.com/' }]);
    await refused(keysStatus(options), 'SETTINGS_INVALID', /needs either a tokenFile or a tokenVariable/);
    await writeFile(options.places, '{');
    await refused(keysStatus(options), 'SETTINGS_INVALID', /is no JSON/);
    await refused(keysStatus({ ...options, places: join(folder, 'none') }), 'SETTINGS_UNREADABLE', /There is no list/);
  });

  it.each([
    [{ serverId: undefined }, /Name the server/],
    [{ serverId: 'a b' }, /server's id has/],
    [{ root: undefined }, /Name a file for the root/],
    [{ protocols: 'v1' }, /--protocols must be/],
    [{ seal: 'rot13' }, /--seal must be/],
    [{ data: undefined }, /--data DIR/],
  ])('refuses %j', async (change, sentence) => {
    await refused(keysInit({ ...options, ...change }), 'USAGE', sentence);
  });

  it('refuses a root that others may read, or that is of another server', async () => {
    await keysInit(options);
    await chmod(options.root, 0o644);
    await refused(keysCertify(options), 'KEYS_UNREADABLE', /may be read or changed by others/);
    const other = { ...options, data: join(folder, 'other'), root: join(folder, 'other.pem') };
    await keysInit(other);
    await refused(keysCertify({ ...options, root: other.root }), 'KEYS_INVALID', /not the root of acme/);
    await refused(keysRotate({ ...options, overlap: '1 week' }), 'USAGE', /--overlap must be a duration/);
  });
});

describe('vigil devices', () => {
  it('invites and changes devices of a data folder', async () => {
    await keysInit(options);
    const { data } = options;
    expect(await devicesList({ data })).toMatch(/There are no devices/);
    const invite = { data, name: 'lobby-1', allow: ['secretsmanager:wall'], ttl: '24h' };
    const told = await devicesInvite(invite);
    expect(told).toMatch(/^lobby-1 can be enrolled until .*\n\n {4}([0-9A-Z]{4}-){6}[0-9A-Z]{4}\n/);
    expect(told).toMatch(/[█▀▄]{10}/);
    expect(await devicesList({ data })).toBe('lobby-1  invited    secretsmanager:wall\n');
    await devicesChange('allow', { data, add: ['file:x'], remove: ['secretsmanager:wall'] }, 'lobby-1');
    const shown = JSON.parse(await devicesShow({ data, json: true }, 'lobby-1')) as object;
    expect(shown).toMatchObject({ status: 'invited', allow: ['file:x'], requestsPerHour: 600 });
    expect(await devicesChange('lock', { data }, 'lobby-1')).toMatch(/status +locked\nreason +operator/);
    expect(await devicesChange('revoke', { data }, 'lobby-1')).toMatch(/status +revoked/);

    await refused(devicesInvite({ ...invite, ttl: 'soon' }), 'USAGE', /--ttl must be a duration/);
    await refused(devicesInvite({ ...invite, rate: '1.5' }), 'USAGE', /rate must be/);
    await refused(devicesInvite({ ...invite, name: undefined }), 'USAGE', /Name the device/);
    await refused(devicesChange('allow', { data }, 'lobby-1'), 'USAGE', /Give the rules/);
    await refused(devicesShow({ data }, 'nobody'), 'USAGE', /There is no device nobody/);
    await refused(devicesList({ data: join(folder, 'nowhere') }), 'USAGE', /There is no folder/);
  });
});
