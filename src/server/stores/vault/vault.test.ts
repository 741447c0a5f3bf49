import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fetch } from '../../../core/ports.ts';
import { failureOf, requestFor, roleArn, SERVER, storeStage, type StoreStage } from '../testing/stage.ts';
import type { VaultAuth, VaultSettings } from './settings.ts';
import { vaultStore } from './vault.ts';

const APPROLE: VaultAuth = { kind: 'approle', roleId: 'role-1', secretId: () => Promise.resolve('secret-1') };
const AWS: VaultAuth = { kind: 'aws', role: 'server', serverId: 'vault.example.com' };
const POLICY = ['secret/data/wall', 'secret/data/team/*', 'aws/*'];

let all: StoreStage;
beforeAll(async () => {
  all = await storeStage({
    vault: {
      appRoles: [{ roleId: 'role-1', secretId: 'secret-1', policy: POLICY }],
      awsRoles: {
        server: { boundArn: 'arn:aws:iam::111122223333:user/server', policy: POLICY },
        other: { boundArn: roleArn('Other'), policy: ['*'] },
      },
      serverId: 'vault.example.com',
      secrets: {
        wall: [{ key: 'old' }, { AccessKeyId: 'AKIAX', SecretAccessKey: 's', key: 'new' }],
        'team/a b': [{ never: 'named' }],
        'team/one': [{ key: 'team' }],
        forbidden: [{ key: 'x' }],
      },
      awsEngine: { wall: { leaseSeconds: 900 } },
    },
  });
});
afterAll(() => all.stage.stop());
afterEach(async () => {
  await all.stage.control.heal();
  all.stage.control.vault.interfere(undefined);
  all.stage.control.vault.sealed(false);
  all.stage.control.clearRequests();
});

const store = (more: Partial<VaultSettings> = {}, fetch: Fetch = all.ports.fetch) =>
  vaultStore(
    { ...all.ports, fetch },
    { address: all.stage.urls.vault, auth: APPROLE, mounts: { secret: 'kv', aws: 'aws' }, timeoutMs: 5000, ...more },
    all.aws,
  );
const asked = () => all.stage.control.requests().map(({ action }) => action);

describe('the store of Vault', () => {
  it('gives an entry, a version and a field', async () => {
    const one = store();
    const text = async (source: string) => one.issue(requestFor(source)) as Promise<unknown>;
    expect(await text('vault,secret/wall')).toEqual({
      kind: 'secret',
      text: '{"AccessKeyId":"AKIAX","SecretAccessKey":"s","key":"new"}',
    });
    expect(await text('vault,secret/wall,1')).toEqual({ kind: 'secret', text: '{"key":"old"}' });
    expect(await text('vault,secret/wall,2,key')).toEqual({ kind: 'secret', text: 'new' });
    expect(await text('vault,secret/team/one,,key')).toEqual({ kind: 'secret', text: 'team' });
    // One login for all.
    expect(asked().filter((action) => action === 'auth/approle/login')).toHaveLength(1);
  });

  it('gives credentials of the AWS engine, with their end', async () => {
    const lasting = await store().issue(requestFor('vault,aws/creds/wall'));
    const temporary = await store().issue(requestFor('vault,aws/sts/wall'));
    if (lasting.kind !== 'credentials' || temporary.kind !== 'credentials') throw new Error('no credentials');
    expect(lasting.sessionToken).toBeUndefined();
    expect(temporary.sessionToken).toBeDefined();
    expect(Math.abs((temporary.expiresAt ?? 0) - Date.now() - 900_000)).toBeLessThan(60_000);
  });

  it.each([
    ['vault,secret/absent', 'STORE_REFUSED'],
    ['vault,secret/team/absent', 'STORE_NOT_FOUND'],
    ['vault,secret/wall,3', 'STORE_NOT_FOUND'],
    ['vault,secret/wall,abc', 'STORE_NOT_FOUND'],
    ['vault,secret/wall,,absent', 'STORE_NOT_FOUND'],
    ['vault,secret/wall,,toString', 'STORE_NOT_FOUND'],
    ['vault,secret/forbidden', 'STORE_REFUSED'],
    ['vault,other/wall', 'STORE_NOT_FOUND'],
    ['vault,sys/mounts', 'STORE_NOT_FOUND'],
    ['vault,secret', 'STORE_NOT_FOUND'],
    ['vault,aws/config/root', 'STORE_NOT_FOUND'],
    ['vault,aws/creds/absent', 'STORE_REFUSED'],
    ['vault,aws/creds/wall,1', 'STORE_NOT_FOUND'],
  ])('%s: %s', async (source, code) => {
    expect((await failureOf(store().issue(requestFor(source)))).code).toBe(code);
  });

  it('signs in again when its token has ended, once', async () => {
    const one = store();
    await one.issue(requestFor('vault,secret/wall'));
    all.stage.control.vault.revokeTokens();
    expect(await one.issue(requestFor('vault,secret/wall'))).toMatchObject({ kind: 'secret' });
    expect(asked()).toEqual(['auth/approle/login', 'secret', 'secret', 'auth/approle/login', 'secret']);
  });

  it('signs in once for many at the same time', async () => {
    const one = store();
    await Promise.all(Array.from({ length: 10 }, () => one.issue(requestFor('vault,secret/wall'))));
    expect(asked().filter((action) => action === 'auth/approle/login')).toHaveLength(1);
  });

  it('says what is wrong', async () => {
    const wrong: VaultAuth = { ...APPROLE, secretId: () => Promise.resolve('secret-2') };
    expect((await failureOf(store({ auth: wrong }).issue(requestFor('vault,secret/wall')))).code).toBe('STORE_REFUSED');
    all.stage.control.vault.sealed(true);
    expect((await failureOf(store().issue(requestFor('vault,secret/wall')))).code).toBe('STORE_UNAVAILABLE');
    all.stage.control.vault.sealed(false);
    for (const [fault, code] of [
      [{ kind: 'reset' }, 'STORE_UNAVAILABLE'],
      [{ kind: 'status', status: 429 }, 'STORE_UNAVAILABLE'],
      [{ kind: 'not-json' }, 'STORE_ANSWER_UNREADABLE'],
      [{ kind: 'huge' }, 'STORE_ANSWER_UNREADABLE'],
    ] as const) {
      await all.stage.control.fail('vault', fault, 1);
      expect((await failureOf(store().issue(requestFor('vault,secret/wall')))).code).toBe(code);
    }
    expect(() => store({ address: 'http://vault.example.com' })).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error,
    );
  });

  it('never says a secret in a sentence', async () => {
    await all.stage.control.fail('vault', { kind: 'status', status: 400 }, 1);
    const failure = await failureOf(store().issue(requestFor('vault,secret/wall')));
    expect(JSON.stringify([failure.message, String(failure.cause)])).not.toContain('secret-1');
  });
});

describe("Vault's AWS auth", () => {
  it('signs in by a GetCallerIdentity that is sent to Vault alone', async () => {
    expect(await store({ auth: AWS }).issue(requestFor('vault,secret/wall'))).toMatchObject({ kind: 'secret' });
    expect(asked()).toEqual(['auth/aws/login', 'secret']);
  });

  it.each<[string, VaultAuth]>([
    ['without the name that Vault wants to be called by', { kind: 'aws', role: 'server' }],
    ['by another name', { ...AWS, serverId: 'other.example.com' }],
    ['as a role that it is not', { ...AWS, role: 'other' }],
    ['as a role that there is not', { ...AWS, role: 'absent' }],
  ])('is refused %s', async (_what, auth) => {
    expect((await failureOf(store({ auth }).issue(requestFor('vault,secret/wall')))).code).toBe('STORE_REFUSED');
  });

  it('is refused with a key that AWS does not take', async () => {
    const credentials = () => Promise.resolve({ ...SERVER, secretAccessKey: 'x' });
    const settings = { address: all.stage.urls.vault, auth: AWS, mounts: { secret: 'kv' as const }, timeoutMs: 5000 };
    const other = vaultStore(all.ports, settings, { ...all.aws, credentials });
    expect((await failureOf(other.issue(requestFor('vault,secret/wall')))).code).toBe('STORE_REFUSED');
  });
});

describe('wrapped answers', () => {
  const wrapped = () => store({ wrapSeconds: 60 });

  it('are looked up and opened', async () => {
    expect(await wrapped().issue(requestFor('vault,secret/wall,1'))).toEqual({ kind: 'secret', text: '{"key":"old"}' });
    expect(await wrapped().issue(requestFor('vault,aws/sts/wall'))).toMatchObject({ kind: 'credentials' });
    expect(asked().slice(1, 4)).toEqual(['secret', 'sys/wrapping/lookup', 'sys/wrapping/unwrap']);
    expect(all.events).toEqual([]);
  });

  it.each([
    ['open', 'opened-before'],
    ['swap', 'wrapped-elsewhere'],
  ] as const)('raise an alert where somebody was there first (%s)', async (how, reason) => {
    all.stage.control.vault.interfere(how);
    const failure = await failureOf(wrapped().issue(requestFor('vault,secret/wall')));
    expect(failure.code).toBe('STORE_REFUSED');
    expect(all.events.at(-1)).toEqual({
      event: 'vault.unwrap',
      allowed: false,
      reason,
      caller: 'd1',
      address: '52.94.76.7',
      source: 'vault,secret/wall',
      detail: 'secret/data/wall',
    });
    expect(asked()).not.toContain('sys/wrapping/unwrap');
  });

  it('are the only ones that are taken then', async () => {
    // Somebody takes the wish out of the request on the way.
    const tampering: Fetch = ({ headers = {}, ...request }) =>
      all.ports.fetch({
        ...request,
        headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'x-vault-wrap-ttl')),
      });
    const failure = await failureOf(store({ wrapSeconds: 60 }, tampering).issue(requestFor('vault,secret/wall')));
    expect(failure.code).toBe('STORE_ANSWER_UNREADABLE');
  });
});
