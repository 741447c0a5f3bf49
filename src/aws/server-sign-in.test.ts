import { describe, expect, it } from 'vitest';
import { toUtf8 } from '../autoid/encoding.ts';
import type { DeviceClient } from '../autoid/v2/client.ts';
import { AppError } from '../core/errors.ts';
import type { AutoIdV2Options } from '../credentials/auto-id-v2.ts';
import { createAutoIdV2Provider } from '../credentials/auto-id-v2.ts';
import { createServerSignIn } from './server-sign-in.ts';
import { fakeClock, NOW } from './testing/fakes.ts';

const DASHBOARD = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/Main';
const FEDERATION = 'https://signin.aws.amazon.com/federation';
const quiet = { log: () => undefined };

/** A server that grants this, whatever it is asked for, and notes what that was. */
function serverOf(issued: unknown, aheadMs = 0) {
  const asked: (readonly [source: string, destination: string])[] = [];
  const request = (_keys: unknown, source: string, destination: string) => {
    asked.push([source, destination]);
    if (issued instanceof AppError) return Promise.reject(issued);
    return Promise.resolve({ payload: toUtf8(JSON.stringify(issued)), currentGeneration: 1 });
  };
  const device = { request, clock: { aheadMs: () => aheadMs } } as unknown as DeviceClient;
  const keyRing = { current: () => ({ generation: 1 }), refresh: () => Promise.resolve('unchanged') };
  const autoId = { device, keyRing, logger: quiet, source: 'console,wall' } as unknown as AutoIdV2Options;
  return { asked, autoId };
}

const loginUrl = (changes: Readonly<Record<string, string>> = {}, base = FEDERATION): string => {
  const query = {
    Action: 'login',
    Issuer: 'https://x.invalid/',
    Destination: DASHBOARD,
    SigninToken: 'tok',
    ...changes,
  };
  return `${base}?${new URLSearchParams(query).toString()}`;
};
const login = (url: string) => ({ kind: 'login-url', url, expiresAt: NOW, sessionEndsAt: NOW + 3_600_000 });

function signInWith(issued: unknown, options: { aheadMs?: number; onSecret?: (secret: string) => void } = {}) {
  const { asked, autoId } = serverOf(issued, options.aheadMs);
  const onSecret = options.onSecret ?? (() => undefined);
  return {
    asked,
    signIn: createServerSignIn({ clock: fakeClock(), logger: quiet, autoId, destination: DASHBOARD, onSecret }),
  };
}

describe('a sign-in that the server makes', () => {
  it('is asked for by the dashboard, and told to the redaction', async () => {
    const secrets: string[] = [];
    const { asked, signIn } = signInWith(login(loginUrl()), { onSecret: (secret) => secrets.push(secret) });
    expect(signIn.federationUrl).toBe(FEDERATION);
    expect(signIn.region).toBe('eu-west-1');
    const signedIn = await signIn.run();
    expect(signedIn).toMatchObject({ loginUrl: loginUrl(), startedAt: NOW, endsAt: NOW + 3_600_000 });
    expect(asked).toEqual([['console,wall', DASHBOARD]]);
    expect(secrets).toEqual([loginUrl()]);
    await expect(signIn.credentials()).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
  });

  it('may go through another region of the same sign-in service, and ends by this machine’s own clock', async () => {
    const url = loginUrl({}, 'https://eu-west-1.signin.aws.amazon.com/federation');
    const { endsAt } = await signInWith(login(url), { aheadMs: 7_200_000 }).signIn.run();
    expect(endsAt).toBe(NOW + 3_600_000 + 7_200_000);
  });

  it.each([
    ['another host', loginUrl({}, 'https://signin.aws.amazon.com.example.com/federation')],
    ['another partition', loginUrl({}, 'https://signin.amazonaws.cn/federation')],
    ['another path', loginUrl({}, 'https://signin.aws.amazon.com/oauth')],
    ['no TLS', loginUrl({}, 'http://signin.aws.amazon.com/federation')],
    ['another page', loginUrl({ Destination: 'https://console.aws.amazon.com/iam/home' })],
    ['another deed', loginUrl({ Action: 'logout' })],
    ['another user', loginUrl({}, 'https://signin.aws.amazon.com:8443/federation')],
    ['a script', 'javascript:alert(1)'],
  ])('is not opened when it leads to %s', async (_, url) => {
    await expect(signInWith(login(url)).signIn.run()).rejects.toMatchObject({ code: 'FEDERATION_ANSWER_UNREADABLE' });
  });

  it.each([
    [{ kind: 'secret', text: 'x' }, 'CREDENTIALS_UNREADABLE'],
    [{ kind: 'login-url', url: 'no address', sessionEndsAt: 1 }, 'CREDENTIALS_UNREADABLE'],
    [{ kind: 'login-url', url: loginUrl() }, 'CREDENTIALS_UNREADABLE'],
    ['text', 'CREDENTIALS_UNREADABLE'],
    [new AppError('DEVICE_REFUSED', 'No.'), 'DEVICE_REFUSED'],
  ])('fails with what came instead: %j', async (issued, code) => {
    await expect(signInWith(issued).signIn.run()).rejects.toMatchObject({ code });
  });

  it('asks the server for alarms, by names and prefix, in their region', async () => {
    const { asked, signIn } = signInWith({ kind: 'alarms', inAlarm: ['a b'] });
    expect(await signIn.ringing?.({ names: ['a b', 'c&d'], prefix: 'web-' })).toEqual(['a b']);
    expect(await signIn.ringing?.({ prefix: 'x', region: 'us-east-1' })).toEqual(['a b']);
    expect(asked).toEqual([
      ['console,wall', 'alarms:eu-west-1?name=a%20b&name=c%26d&prefix=web-'],
      ['console,wall', 'alarms:us-east-1?prefix=x'],
    ]);
    await expect(signInWith({ kind: 'alarms', inAlarm: [1] }).signIn.ringing?.({ prefix: 'x' })).rejects.toMatchObject({
      code: 'CREDENTIALS_UNREADABLE',
    });
  });
});

describe('credentials over protocol 2', () => {
  const provider = (issued: unknown, aheadMs = 0) => createAutoIdV2Provider(serverOf(issued, aheadMs).autoId);
  const KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };

  it('are what the store gave, as credentials or as a secret that holds some', async () => {
    const given = { kind: 'credentials', ...KEYS, sessionToken: 'tok', expiresAt: NOW };
    expect(await provider(given).get()).toEqual({ ...KEYS, sessionToken: 'tok', expiresAt: NOW });
    // By a clock that is an hour ahead they end an hour later.
    expect((await provider(given, 3_600_000).get()).expiresAt).toBe(NOW + 3_600_000);
    expect(await provider({ kind: 'credentials', ...KEYS }).get()).toEqual(KEYS);
    const text = `${KEYS.accessKeyId},${KEYS.secretAccessKey}`;
    expect(await provider({ kind: 'secret', text }).get()).toEqual(KEYS);
  });

  it.each([
    [{ kind: 'secret', text: 'hunter2' }],
    [{ kind: 'secret' }],
    [{ kind: 'credentials', accessKeyId: 1, secretAccessKey: 'x' }],
    [{ kind: 'login-url', url: loginUrl() }],
    [[]],
    [null],
  ])('are not made of %j, and nothing of it is told', async (issued) => {
    const failure = await provider(issued)
      .get()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
    expect(String(failure)).not.toMatch(/hunter2|tok/);
  });
});
