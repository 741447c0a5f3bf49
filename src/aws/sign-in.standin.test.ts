import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fetch } from '../core/ports.ts';
import { createAutoIdProvider } from '../credentials/auto-id.ts';
import { directoryKeySource } from '../keys/directory.ts';
import { createKeyRing } from '../keys/key-ring.ts';
import { createNodeClock } from '../node/clock.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { createNodeFetch } from '../node/http.ts';
import { createNodeRandom } from '../node/random.ts';
import { startStandin, type Standin } from '../standin/index.ts';
import { classifyConsolePage } from './console-page.ts';
import { createSignIn, type SignIn, type SignInOptions } from './sign-in.ts';

const USER = { name: 'wall', accessKeyId: 'AKIAWALLWALLWALLWALL', secretAccessKey: 'a/secret+of/the+user' };
const ROLE = 'arn:aws:iam::111122223333:role/Wall';
const OPEN_ROLE = 'arn:aws:iam::111122223333:role/Open';
const folder = mkdtempSync(join(tmpdir(), 'vigil-keys-'));
const fetch: Fetch = createNodeFetch();
const clock = createNodeClock();
const logger = { log: () => undefined };
let standin: Standin;
/** How far this machine is ahead of the stand-in, in ms. */
let aheadMs = 0;

beforeAll(async () => {
  standin = await startStandin({
    now: () => Date.now() - aheadMs,
    users: [USER],
    roles: { [ROLE]: { maxSessionDurationSeconds: 3600 }, [OPEN_ROLE]: { maxSessionDurationSeconds: 43_200 } },
    secrets: { wall: `${USER.accessKeyId},${USER.secretAccessKey}` },
    dashboards: [{ name: 'Main' }],
    keysDir: folder,
  });
});
afterAll(async () => {
  await standin.stop();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  aheadMs = 0;
  await standin.control.heal();
  standin.control.allowRole(ROLE);
  standin.control.clearRequests();
});

function signInTo(more: Partial<SignInOptions> = {}): SignIn {
  const { urls } = standin;
  const keyRing = createKeyRing(directoryKeySource({ files: createNodeFileStore(), directory: folder }), logger);
  const random = createNodeRandom();
  return createSignIn({
    fetch,
    clock,
    logger,
    provider: createAutoIdProvider({
      fetch,
      random,
      logger,
      keyRing,
      endpoint: urls.autoid,
      credentialSource: 'secretsmanager,wall',
      timeoutMs: 20_000,
    }),
    role: { arn: ROLE, sessionName: 'vigil' },
    region: 'eu-west-1',
    endpoints: { sts: urls.sts },
    federationUrl: urls.federation,
    issuer: 'vigil://ended/',
    destination: `${urls.console}/cloudwatch/home?region=eu-west-1#dashboards/dashboard/Main`,
    timeoutMs: 20_000,
    ...more,
  });
}

/** A browser reduced to redirects and cookies: every address it was led to. */
async function browse(start: string): Promise<{ addresses: string[]; status: number }> {
  const addresses: string[] = [];
  const cookies = new Map<string, string>();
  let url = start;
  for (;;) {
    addresses.push(url);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch({ method: 'GET', url, headers: { cookie }, timeoutMs: 20_000, maxBytes: 5_000_000 });
    for (const [, name, value] of (answer.headers['set-cookie'] ?? '').matchAll(/(?:^|, )([\w-]+)=([^;]*);/g))
      if (name !== undefined) cookies.set(name, value ?? '');
    const location = answer.headers['location'];
    if (location === undefined || addresses.length > 10) return { addresses, status: answer.status };
    url = new URL(location, url).href;
  }
}

const actions = (): string[] => standin.control.requests().map(({ action, status }) => `${action} ${status}`);

describe('against the stand-in', () => {
  it('signs in, and the login URL leads to the dashboard', async () => {
    const signIn = signInTo();
    const { loginUrl, startedAt, endsAt, assumedRoleArn } = await signIn.run();
    expect(assumedRoleArn).toBe('arn:aws:sts::111122223333:assumed-role/Wall/vigil');
    // The role allows an hour, and the stand-in is at its strictest about SessionDuration.
    expect(endsAt - startedAt).toBeLessThanOrEqual(3_600_000);
    expect(endsAt - startedAt).toBeGreaterThan(3_500_000);
    const { addresses, status } = await browse(loginUrl);
    expect(status).toBe(200);
    const places = {
      destinationUrl: standin.urls.console + '/cloudwatch/home',
      issuerUrl: 'vigil://ended/',
      federationUrl: signIn.federationUrl,
    };
    const kinds = addresses.map((url) => classifyConsolePage(url, places).kind);
    expect(kinds[0]).toBe('sign-in');
    expect(kinds.at(-1)).toBe('destination');
    expect(kinds).not.toContain('foreign');
  });

  it('makes one call of each service once it knows the role', async () => {
    const signIn = signInTo();
    await signIn.run();
    const cold = actions();
    expect(cold.filter((one) => one.startsWith('getSigninToken')).sort()).toEqual([
      'getSigninToken 200',
      'getSigninToken 400',
    ]);
    expect(cold).toHaveLength(4);
    standin.control.clearRequests();
    await signIn.run();
    expect(actions().slice(1)).toEqual(['AssumeRole 200', 'getSigninToken 200']);
    expect(actions()).toHaveLength(3);
  });

  it('gets twelve hours where the role allows them', async () => {
    const { startedAt, endsAt } = await signInTo({ role: { arn: OPEN_ROLE, sessionName: 'vigil' } }).run();
    expect(endsAt - startedAt).toBe(43_200_000);
  });

  it.each([
    ['10 minutes ahead', 600_000],
    ['10 minutes behind', -600_000],
    ['2 days ahead', 2 * 86_400_000],
    ['2 days behind', -2 * 86_400_000],
  ])('signs in with a clock that is %s, and says so in the log', async (_name, ahead) => {
    aheadMs = ahead;
    const warned: unknown[] = [];
    const signIn = signInTo({
      logger: { log: (level, event, fields) => level === 'warn' && warned.push([event, fields]) },
    });
    const { startedAt, endsAt, loginUrl } = await signIn.run();
    expect(endsAt - startedAt).toBeGreaterThan(3_500_000);
    expect(endsAt - startedAt).toBeLessThanOrEqual(3_600_000);
    expect((await browse(loginUrl)).status).toBe(200);
    expect(actions().filter((one) => one.startsWith('AssumeRole'))).toEqual(['AssumeRole 403', 'AssumeRole 200']);
    expect(warned).toEqual([['clock.skew', { aheadSeconds: expect.any(Number) as number }]]);
    const [[, { aheadSeconds }]] = warned as [[string, { aheadSeconds: number }]];
    expect(Math.abs(aheadSeconds - ahead / 1000)).toBeLessThan(60);
    standin.control.clearRequests();
    await signIn.run();
    expect(actions().slice(1)).toEqual(['AssumeRole 200', 'getSigninToken 200']);
  });

  it('says which role to allow when it is denied', async () => {
    standin.control.denyRole(ROLE);
    await expect(signInTo().run()).rejects.toMatchObject({
      code: 'STS_ACCESS_DENIED',
      message: expect.stringContaining(`sts:AssumeRole on ${ROLE}`) as string,
    });
  });

  it.each([
    ['sts', { kind: 'cut-off' }, 'NETWORK_INTERRUPTED'],
    ['sts', { kind: 'huge' }, 'STS_ANSWER_UNREADABLE'],
    ['sts', { kind: 'not-json' }, 'STS_ANSWER_UNREADABLE'],
    ['sts', { kind: 'status', status: 503 }, 'STS_UNAVAILABLE'],
    ['sts', { kind: 'reset' }, 'NETWORK_INTERRUPTED'],
    ['sts', { kind: 'down' }, 'NETWORK_REFUSED'],
    ['federation', { kind: 'cut-off' }, 'NETWORK_INTERRUPTED'],
    ['federation', { kind: 'huge' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['federation', { kind: 'not-json' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['federation', { kind: 'status', status: 500 }, 'FEDERATION_UNAVAILABLE'],
    ['federation', { kind: 'reset' }, 'NETWORK_INTERRUPTED'],
    ['federation', { kind: 'down' }, 'NETWORK_REFUSED'],
  ] as const)('has a code when %s is broken: %o', async (service, fault, code) => {
    await standin.control.fail(service, fault);
    await expect(signInTo().run()).rejects.toMatchObject({ code });
  });

  it.each(['sts', 'federation'] as const)('does not wait for %s without end', async (service) => {
    await standin.control.fail(service, { kind: 'hang' });
    const role = { arn: ROLE, sessionName: 'vigil' };
    await expect(signInTo({ role, timeoutMs: 100 }).run()).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT' });
  });
});
