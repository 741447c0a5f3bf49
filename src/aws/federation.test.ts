import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../core/errors.ts';
import type { Fetch } from '../core/ports.ts';
import { createDurationMemory } from './duration-memory.ts';
import { buildLoginUrl, getSigninToken, lifetimeSeconds, type SigninTokenOptions } from './federation.ts';
import { ASSUMED, fakeClock, fakeFetch, NOW, ROLE, type Reply } from './testing/fakes.ts';

const URL_ = 'https://signin.aws.amazon.com/federation';
const TOKEN = 'VCQgs5qZZt3Q6fn8Tr5EXAMPLEmLnwB7JjUc-SHwnUUWabcRdnWsi4DBn-dvC85wrD0';
const GRANTED: Reply = {
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ SigninToken: TOKEN }),
};
const REFUSED: Reply = { status: 400, headers: { 'content-type': 'text/html' }, body: '<html>400</html>' };

function options(fetch: SigninTokenOptions['fetch'], more: Partial<SigninTokenOptions> = {}): SigninTokenOptions {
  return {
    fetch,
    clock: fakeClock(),
    federationUrl: URL_,
    credentials: ASSUMED,
    roleArn: ROLE,
    chained: false,
    memory: createDurationMemory(fakeClock()),
    timeoutMs: 10_000,
    ...more,
  };
}

const durations = (forms: URLSearchParams[]): (string | null)[] => forms.map((form) => form.get('SessionDuration'));

describe('getSigninToken', () => {
  it('is a form in a POST, with nothing in the address', async () => {
    const { fetch, requests, forms } = fakeFetch(() => GRANTED);
    expect(await getSigninToken(options(fetch, { chained: true }))).toEqual({
      signinToken: TOKEN,
      duration: 'omitted',
    });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: 'POST', url: URL_ });
    expect(requests[0]?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded' });
    expect(Object.fromEntries(forms[0] ?? [])).toEqual({
      Action: 'getSigninToken',
      Session: JSON.stringify({
        sessionId: ASSUMED.accessKeyId,
        sessionKey: ASSUMED.secretAccessKey,
        sessionToken: ASSUMED.sessionToken,
      }),
    });
  });

  it('asks for the longest and for none side by side while nothing is known, then once for what worked', async () => {
    const { fetch, forms } = fakeFetch(() => GRANTED);
    const same = options(fetch);
    expect((await getSigninToken(same)).duration).toBe(43_200);
    expect(durations(forms)).toEqual(['43200', null]);
    expect((await getSigninToken(same)).duration).toBe(43_200);
    expect(durations(forms).slice(2)).toEqual(['43200']);
  });

  it('learns that only none works, per role', async () => {
    const { fetch, forms } = fakeFetch((form) => (form.has('SessionDuration') ? REFUSED : GRANTED));
    const same = options(fetch);
    expect((await getSigninToken(same)).duration).toBe('omitted');
    expect((await getSigninToken(same)).duration).toBe('omitted');
    expect(durations(forms)).toEqual(['43200', null, null]);
    await getSigninToken({ ...same, roleArn: `${ROLE}2` });
    expect(durations(forms).slice(3)).toEqual(['43200', null]);
  });

  it('comes down a step when what worked is refused one day', async () => {
    let refuse = false;
    const { fetch, forms } = fakeFetch((form) => (refuse && form.has('SessionDuration') ? REFUSED : GRANTED));
    const same = options(fetch);
    await getSigninToken(same);
    refuse = true;
    expect((await getSigninToken(same)).duration).toBe('omitted');
    expect((await getSigninToken(same)).duration).toBe('omitted');
    expect(durations(forms).slice(2)).toEqual(['43200', null, null]);
  });

  it('does not take a passing failure for a refusal', async () => {
    let down = true;
    const { fetch, forms } = fakeFetch((form) => (down && form.has('SessionDuration') ? { status: 503 } : GRANTED));
    const same = options(fetch);
    expect((await getSigninToken(same)).duration).toBe('omitted');
    down = false;
    expect((await getSigninToken(same)).duration).toBe(43_200);
    down = true;
    await expect(getSigninToken(same)).rejects.toMatchObject({ code: 'FEDERATION_UNAVAILABLE' });
    expect(durations(forms)).toEqual(['43200', null, '43200', null, '43200']);
  });

  it('says in what order to look for the reason of a bare 400', async () => {
    const refused = getSigninToken(options(fakeFetch(() => REFUSED).fetch));
    await expect(refused).rejects.toThrow(/aws\.federationUrl.*GetSessionToken.*root.*revoked/);
  });

  describe('while one of the two calls hangs', () => {
    /** The call for this duration (null: for none) is answered only when `arrive` is called. */
    function oneHangs(which: string | null) {
      const { fetch } = fakeFetch(() => GRANTED);
      let arrive: () => void = () => undefined;
      const hanging = new Promise<void>((resolve) => (arrive = resolve));
      const held: Fetch = async (request) => {
        const duration = new URLSearchParams(String(request.body)).get('SessionDuration');
        if (duration === which) await hanging;
        return fetch(request);
      };
      return { fetch: held, arrive: () => arrive() };
    }

    it('takes the longest as soon as it is granted, and tells the other token too when it comes', async () => {
      const { fetch, arrive } = oneHangs(null);
      const secrets: string[] = [];
      const same = options(fetch, { onSecret: (secret) => secrets.push(secret) });
      expect((await getSigninToken(same)).duration).toBe(43_200);
      expect(secrets).toEqual([TOKEN]);
      arrive();
      await expect.poll(() => secrets).toEqual([TOKEN, TOKEN]);
    });

    it('gives the longest two seconds more, then takes what there is, and learns nothing from it', async () => {
      const { fetch, arrive } = oneHangs('43200');
      const slept: number[] = [];
      let wake: () => void = () => undefined;
      const sleep = (ms: number) => {
        slept.push(ms);
        return new Promise<void>((resolve) => (wake = resolve));
      };
      const secrets: string[] = [];
      const same = options(fetch, {
        clock: { ...fakeClock(), sleep },
        onSecret: (secret) => secrets.push(secret),
      });
      const token = getSigninToken(same);
      await expect.poll(() => slept).toEqual([2000]);
      wake();
      expect((await token).duration).toBe('omitted');
      expect(same.memory.recall('federation', ROLE)).toBeUndefined();
      arrive();
      await expect.poll(() => secrets).toEqual([TOKEN, TOKEN]);
    });

    it('takes the longest that comes within those two seconds', async () => {
      const { fetch, arrive } = oneHangs('43200');
      const sleep = () => {
        arrive();
        return new Promise<void>(() => undefined);
      };
      expect((await getSigninToken(options(fetch, { clock: { ...fakeClock(), sleep } }))).duration).toBe(43_200);
    });
  });

  const long = JSON.stringify({ SigninToken: 'x'.repeat(20_000) });
  it.each<[string, Reply | AppError, ErrorCode]>([
    ['bare 400', REFUSED, 'FEDERATION_REFUSED'],
    ['400 as text', { status: 400, body: 'Bad Request' }, 'FEDERATION_REFUSED'],
    ['401', { status: 401 }, 'FEDERATION_REFUSED'],
    ['403 in HTML', { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>' }, 'FEDERATION_REFUSED'],
    ['404', { status: 404 }, 'FEDERATION_REFUSED'],
    ['405', { status: 405 }, 'FEDERATION_REFUSED'],
    ['429', { status: 429, headers: { 'retry-after': '7' } }, 'FEDERATION_UNAVAILABLE'],
    ['500', { status: 500, body: '<html>' }, 'FEDERATION_UNAVAILABLE'],
    ['503 with a token', { ...GRANTED, status: 503 }, 'FEDERATION_UNAVAILABLE'],
    ['a redirect', { status: 302, headers: { location: 'http://portal.test/' } }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['201 with a token', { ...GRANTED, status: 201 }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['204', { status: 204 }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['nothing', { status: 200 }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['a web page', { headers: { 'content-type': 'text/html' }, body: '<html>' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['cut off', { ...GRANTED, body: (GRANTED.body ?? '').slice(0, -5) }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['no token', { ...GRANTED, body: '{"signinToken":"x"}' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['an empty token', { ...GRANTED, body: '{"SigninToken":""}' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['a token that is a number', { ...GRANTED, body: '{"SigninToken":5}' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['a token with a line end', { ...GRANTED, body: '{"SigninToken":"a\\nb"}' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['a token without end', { ...GRANTED, body: long }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['null', { ...GRANTED, body: 'null' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['a list', { ...GRANTED, body: '["x"]' }, 'FEDERATION_ANSWER_UNREADABLE'],
    ['too much', new AppError('ANSWER_TOO_LARGE', 'x'), 'FEDERATION_ANSWER_UNREADABLE'],
    ['too slow', new AppError('NETWORK_TIMEOUT', 'x'), 'NETWORK_TIMEOUT'],
    ['broken off', new AppError('NETWORK_INTERRUPTED', 'x'), 'NETWORK_INTERRUPTED'],
  ])('has a code for a bad answer: %s', async (_name, reply, code) => {
    for (const chained of [true, false]) {
      const error: unknown = await getSigninToken(options(fakeFetch(() => reply).fetch, { chained })).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(AppError);
      const { code: actual, message, cause, retryAfterMs } = error as AppError;
      expect(actual).toBe(code);
      for (const secret of [TOKEN.slice(0, 8), ASSUMED.secretAccessKey, ASSUMED.sessionToken])
        expect(`${message} ${String(cause)}`).not.toContain(secret);
      expect(retryAfterMs).toBe(_name === '429' ? 7000 : undefined);
    }
  });

  it('takes a token under whatever content type', async () => {
    for (const headers of [{}, { 'content-type': 'text/plain' }, { 'content-type': 'text/HTML; charset=utf-8' }])
      expect((await getSigninToken(options(fakeFetch(() => ({ ...GRANTED, headers })).fetch))).signinToken).toBe(TOKEN);
  });
});

describe('the login URL', () => {
  it('carries the whole destination, its fragment encoded', () => {
    const destination =
      'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/A+B?start=PT3H';
    const url = buildLoginUrl({
      federationUrl: URL_,
      signinToken: 'a/b+c=',
      issuer: 'vigil://ended/?a&b',
      destination,
    });
    expect(url).toBe(
      'https://signin.aws.amazon.com/federation?Action=login&Issuer=vigil%3A%2F%2Fended%2F%3Fa%26b' +
        '&Destination=https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Fcloudwatch%2Fhome%3Fregion%3Deu-west-1%23dashboards%2Fdashboard%2FA%2BB%3Fstart%3DPT3H' +
        '&SigninToken=a%2Fb%2Bc%3D',
    );
    expect(new URL(url).searchParams.get('Destination')).toBe(destination);
    expect(new URL(url).hash).toBe('');
  });

  it('leads to a session as long as granted, or as the credentials last', () => {
    expect(lifetimeSeconds(43_200, NOW + 1000, NOW)).toBe(43_200);
    expect(lifetimeSeconds('omitted', NOW + 3_599_500, NOW)).toBe(3599);
    expect(lifetimeSeconds('omitted', NOW - 5, NOW)).toBe(60);
  });
});
