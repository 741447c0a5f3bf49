import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startStandin } from './index.ts';
import {
  Browser,
  CHAINED_ROLE,
  USER,
  askSigninToken,
  assume,
  loginUrl,
  signinToken,
  startStage,
} from './testing/setup.ts';
import type { Credentials, Stage } from './testing/setup.ts';

const FEDERATED = { accessKeyId: 'ASIAFEDERATED', secretAccessKey: 's', sessionToken: 't' };
const SESSION = { accessKeyId: 'ASIASESSION', secretAccessKey: 's', sessionToken: 't' };
const arn = 'arn:aws:sts::111122223333:federated-user/wall';

let stage: Stage;
beforeAll(async () => {
  const expiresAt = Date.now() + 3_600_000;
  stage = await startStage({
    temporaryCredentials: [
      { ...FEDERATED, kind: 'federated-user', arn, expiresAt },
      { ...SESSION, kind: 'session', arn: 'arn:aws:iam::111122223333:user/wall', expiresAt },
    ],
  });
});
afterAll(() => stage.stop());
afterEach(() => {
  stage.control.setSessionSeconds(undefined);
  stage.control.endSessionsNow();
});

async function isBare400(answer: Promise<Response>): Promise<boolean> {
  const response = await answer;
  const text = await response.text();
  return (
    response.status === 400 &&
    (response.headers.get('content-type') ?? '').startsWith('text/html') &&
    text.includes('<h1>400')
  );
}

const main = async (browser: Browser, part = 'main'): Promise<number> => {
  const url = `${stage.urls.console.replace('console', 'eu-west-1.console')}/cloudwatch/data?part=${part}&dashboard=Main`;
  return (await browser.open(url)).status;
};

describe('getSigninToken', () => {
  it('gives a token by POST and by GET', async () => {
    const c = await assume(stage);
    expect(await signinToken(stage, c)).toMatch(/^[\w-]{500,}$/);
    const Session = JSON.stringify({
      sessionId: c.accessKeyId,
      sessionKey: c.secretAccessKey,
      sessionToken: c.sessionToken,
    });
    const response = await fetch(
      `${stage.urls.federation}?${String(new URLSearchParams({ Action: 'getSigninToken', Session }))}`,
    );
    expect(await response.json()).toHaveProperty('SigninToken');
  });

  it.each(['900', '3600', '7200'])('takes a SessionDuration of %s', async (seconds) => {
    expect((await askSigninToken(stage, await assume(stage), seconds)).status).toBe(200);
  });

  it.each(['899', '43201', '7260', '1801', '', '3600.5', 'abc', '-900'])(
    'answers a bare 400 to a SessionDuration of "%s"',
    async (seconds) => {
      expect(await isBare400(askSigninToken(stage, await assume(stage), seconds))).toBe(true);
    },
  );

  it('wants SessionDuration left out for chained roles and for GetFederationToken', async () => {
    const first = await assume(stage);
    const chained = await assume(stage, { RoleArn: CHAINED_ROLE }, first);
    for (const credentials of [chained, FEDERATED]) {
      expect(await isBare400(askSigninToken(stage, credentials, '900'))).toBe(true);
      expect((await askSigninToken(stage, credentials)).status).toBe(200);
    }
  });

  it('answers a bare 400 to credentials that are not live, not whole, or of the wrong kind', async () => {
    const good = await assume(stage);
    const bad: Credentials[] = [
      { ...good, secretAccessKey: 'x' },
      { ...good, sessionToken: 'x' },
      { ...good, accessKeyId: 'ASIANOBODY' },
      { ...USER, sessionToken: '' },
      SESSION,
    ];
    for (const credentials of bad) expect(await isBare400(askSigninToken(stage, credentials))).toBe(true);
    for (const Session of ['', '{', '[]', '{"sessionId":1}']) {
      const body = new URLSearchParams({ Action: 'getSigninToken', Session });
      expect(await isBare400(fetch(stage.urls.federation, { method: 'POST', body }))).toBe(true);
    }
    expect(await isBare400(fetch(`${stage.urls.federation}?Action=getsignintoken`))).toBe(true);
  });

  it('answers a bare 400 to credentials that have expired', async () => {
    const late = await startStage();
    try {
      const c = await assume(late, { DurationSeconds: 900 });
      late.advance(900_000);
      expect(await isBare400(askSigninToken(late, c))).toBe(true);
    } finally {
      await late.stop();
    }
  });
});

describe('login', () => {
  it('goes by the sign-in host, a code and the regional host to the dashboard', async () => {
    const browser = new Browser();
    const page = await browser.open(loginUrl(stage, await signinToken(stage)));
    expect(page.status).toBe(200);
    const url = new URL(page.url);
    expect([url.hostname, url.search, url.hash]).toEqual([
      'eu-west-1.console.localhost',
      '?region=eu-west-1',
      '#dashboards:name=Main',
    ]);
    const hosts = page.hops.map((hop) => `${new URL(hop).hostname}${new URL(hop).pathname}`);
    expect(hosts).toEqual([
      '127.0.0.1/federation',
      'signin.localhost/federation',
      'console.localhost/cloudwatch/home',
      'eu-west-1.signin.localhost/oauth',
      'console.localhost/cloudwatch/home',
      'console.localhost/cloudwatch/home',
      'eu-west-1.console.localhost/cloudwatch/home',
    ]);
    const info = JSON.parse(
      decodeURIComponent(browser.cookies('console.localhost').get('aws-userInfo') ?? ''),
    ) as unknown;
    expect(info).toMatchObject({
      arn: 'arn:aws:sts::111122223333:assumed-role/Wall/wall',
      issuer: 'https://vigil.invalid/ended',
    });
    expect(await main(browser)).toBe(200);
    expect(stage.control.liveSessions()).toBe(1);
  });

  it('asks to log out first while an older session is live, and logs in once it is over', async () => {
    const browser = new Browser();
    await browser.open(loginUrl(stage, await signinToken(stage)));
    const second = await browser.open(loginUrl(stage, await signinToken(stage)));
    expect([second.status, second.body]).toEqual([
      400,
      expect.stringContaining('You must first log out before logging into a different AWS account'),
    ]);
    stage.control.endSessionsNow();
    expect((await browser.open(loginUrl(stage, await signinToken(stage)))).status).toBe(200);
  });

  it('refuses tokens and destinations that are not ours', async () => {
    const token = await signinToken(stage);
    const destinations = [
      'https://example.org/',
      'http://console.localhost:1/',
      stage.urls.console.replace('console.', 'console.evil.'),
      'javascript:alert(1)',
      '',
    ];
    for (const Destination of destinations) {
      expect((await new Browser().open(loginUrl(stage, token, { Destination }))).status, Destination).toBe(400);
    }
    expect((await new Browser().open(loginUrl(stage, 'made-up'))).status).toBe(400);
  });

  it('takes a token for 15 minutes, more than once unless told otherwise', async () => {
    const late = await startStage();
    try {
      const token = await signinToken(late);
      late.advance(14 * 60_000);
      expect((await new Browser().open(loginUrl(late, token))).status).toBe(200);
      expect((await new Browser().open(loginUrl(late, token))).status).toBe(200);
      late.advance(60_000);
      expect((await new Browser().open(loginUrl(late, token))).body).toContain('Your request has expired');
    } finally {
      await late.stop();
    }
    const once = await startStage({ singleUseTokens: true });
    try {
      const token = await signinToken(once);
      expect((await new Browser().open(loginUrl(once, token))).status).toBe(200);
      expect((await new Browser().open(loginUrl(once, token))).status).toBe(400);
    } finally {
      await once.stop();
    }
  });

  it('logs out to the issuer, to a return address on a regional host, or to the sign-in page', async () => {
    const end = async (path: string, host = 'signin'): Promise<string> => {
      const browser = new Browser();
      await browser.open(loginUrl(stage, await signinToken(stage)));
      const base = stage.urls.federation.replace('127.0.0.1', `${host}.localhost`).replace('/federation', '');
      return (await browser.open(base + path)).url;
    };
    expect(await end('/oauth?Action=logout')).toBe('https://vigil.invalid/ended');
    expect(await end('/oauth?Action=logout&redirect_uri=https%3A%2F%2Freturn.invalid%2F', 'eu-west-1.signin')).toBe(
      'https://return.invalid/',
    );
    expect(await end('/oauth?Action=logout&redirect_uri=https%3A%2F%2Freturn.invalid%2F')).toBe(
      'https://vigil.invalid/ended',
    );
    expect(stage.control.liveSessions()).toBe(0);
  });
});

describe('a console session', () => {
  it('lasts as long as the credentials, or as SessionDuration says, or as the control allows', async () => {
    const late = await startStage();
    const dataUrl = `${late.urls.console}/cloudwatch/data?part=main&dashboard=Main`;
    try {
      const c = await assume(late, { DurationSeconds: 1800 });
      const [plain, longer, shorter] = [new Browser(), new Browser(), new Browser()];
      await plain.open(loginUrl(late, await signinToken(late, c)));
      await longer.open(loginUrl(late, await signinToken(late, c, '7200')));
      await shorter.open(loginUrl(late, await signinToken(late, c, '900')));
      const states = (): Promise<number[]> =>
        Promise.all([plain, longer, shorter].map(async (b) => (await b.open(dataUrl)).status));
      expect(await states()).toEqual([200, 200, 200]);
      late.advance(900_000);
      expect(await states()).toEqual([200, 200, 401]);
      late.advance(900_000);
      expect(await states()).toEqual([401, 200, 401]);
      late.control.setSessionSeconds(2000);
      late.advance(201_000);
      expect(await states()).toEqual([401, 401, 401]);
    } finally {
      await late.stop();
    }
  });

  it('when ended answers 401 and 403 to calls, and the sign-in page to pages', async () => {
    const browser = new Browser();
    const page = await browser.open(loginUrl(stage, await signinToken(stage)));
    expect(stage.control.endSessionsNow()).toBe(1);
    expect([await main(browser), await main(browser, 'log')]).toEqual([401, 403]);
    const after = await browser.open(page.url);
    expect([after.status, new URL(after.url).hostname, new URL(after.url).pathname]).toEqual([
      200,
      'eu-west-1.signin.localhost',
      '/',
    ]);
    expect(after.body).toContain('<h1>Sign in</h1>');
  });

  it('knows dashboards that are missing, refused, and half refused', async () => {
    const browser = new Browser();
    await browser.open(loginUrl(stage, await signinToken(stage)));
    const status = async (name: string, part: string): Promise<number> => {
      return (await browser.open(`${stage.urls.console}/cloudwatch/data?part=${part}&dashboard=${name}`)).status;
    };
    expect([await status('Absent', 'main'), await status('Restricted', 'main')]).toEqual([404, 403]);
    expect([await status('Half', 'main'), await status('Half', 'log')]).toEqual([200, 403]);
  });

  it('is not given by a code that was used or made up', async () => {
    const browser = new Browser();
    const page = await browser.open(loginUrl(stage, await signinToken(stage)));
    const withCode = page.hops.find((hop) => hop.includes('code=')) ?? '';
    const landsOn = async (url: string): Promise<string> => new URL((await new Browser().open(url)).url).hostname;
    expect(await landsOn(withCode)).toBe('eu-west-1.signin.localhost');
    expect(await landsOn(withCode.replace(/code=[^&]*/, 'code=made-up'))).toBe('eu-west-1.signin.localhost');
  });

  it('has no secret in the request log', async () => {
    const c = await assume(stage);
    const token = await signinToken(stage, c);
    await new Browser().open(loginUrl(stage, token));
    const log = JSON.stringify(stage.control.requests());
    for (const secret of [c.secretAccessKey, c.sessionToken, token, USER.secretAccessKey])
      expect(log).not.toContain(secret);
    expect(stage.control.requests().map((r) => r.action)).toContain('getSigninToken');
  });
});

it('starts and stops with nothing but defaults', async () => {
  const standin = await startStandin();
  expect(standin.keys().entropy.split('\n')).toHaveLength(2049);
  expect(standin.keys().publicKey).toMatch(/^ssh-rsa AAAAB3NzaC1yc2E/);
  await standin.stop();
  await expect(fetch(standin.urls.sts)).rejects.toThrow();
});
