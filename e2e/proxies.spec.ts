import { join } from 'node:path';
import { Authority } from './support/certificates.ts';
import {
  type Front,
  IN_THE_FIELD,
  type Login,
  type Names,
  PacServer,
  Proxy,
  namesInTheField,
  openSecureFront,
} from './support/proxies.ts';
import { type Registry, SCOPE, openRegistry } from './support/registry.ts';
import { askForSignIn, failToSignIn } from './support/renewals.ts';
import { READER, REGION, type Stage } from './support/stage.ts';
import { test as base, expect } from './support/test.ts';

const authority = new Authority('A company');
const LOGIN: Login = { user: 'wall', password: 'p@ss:w%rd/ü' };

interface RegistryFixture {
  readonly registry: Registry & { readonly front: Front };
}

/** Everything behind a private authority and under names that nobody but a proxy can look up. */
const test = base.extend<object, RegistryFixture>({
  registry: [
    async ({ sharedKeys }, use, workerInfo) => {
      const registry = await openRegistry(
        join(workerInfo.project.outputDir, `registry-${String(workerInfo.workerIndex)}`),
      );
      await registry.publish(sharedKeys);
      const front = await openSecureFront(registry.url, authority.leaf());
      await use({ ...registry, front });
      await front.stop();
      await registry.stop();
    },
    { scope: 'worker' },
  ],
});
test.use({
  standinOptions: { domain: 'aws.amazon.com', tls: authority.leaf(), pollMs: 200, failuresBeforeEnd: 1_000 },
});

const fromNpm = (token: string) => ({
  ...IN_THE_FIELD,
  AUTO_ID_KEYS_DIR: undefined,
  NPM_SCOPE: SCOPE,
  NPM_TOKEN: token,
  VIGIL_NPM_REGISTRY: 'https://npm.example.com',
});
const FROM_S3 = {
  ...IN_THE_FIELD,
  AUTO_ID_KEYS_DIR: undefined,
  AUTO_ID_BUCKET: 'keys',
  ENTROPY_ACCESS_ID: READER.accessKeyId,
  ENTROPY_SECRET_KEY: READER.secretAccessKey,
  AWS_ENDPOINT_URL_S3: 'https://s3.example.com',
};
const ALWAYS = [
  'auto-id.example.com:443',
  `sts.${REGION}.amazonaws.com:443`,
  'signin.aws.amazon.com:443',
  `${REGION}.signin.aws.amazon.com:443`,
  'console.aws.amazon.com:443',
  `${REGION}.console.aws.amazon.com:443`,
];

function putKeys({ control, keys }: Stage): void {
  control.putObject('keys', 'info2048.bin', Buffer.from(keys().entropy));
  control.putObject('keys', 'public.pem', Buffer.from(keys().publicKey));
}

const KINDS = {
  explicit: ['npm', 'S3'],
  'explicit https': ['S3'],
  system: ['npm', 'S3'],
  PAC: ['npm', 'S3'],
  "system's PAC": ['npm'],
} as const;
for (const kind of ['explicit', 'explicit https', 'system', 'PAC', "system's PAC"] as const) {
  const sources: readonly ('npm' | 'S3')[] = KINDS[kind];
  test(`${kind} proxy${kind === "system's PAC" ? '' : ' with a login'}: every destination is reached through it, keys from ${sources.join(' and ')}`, async ({
    stage,
    folders,
    registry,
    startWall,
  }) => {
    putKeys(stage);
    const names: Names = { ...namesInTheField(stage), 'npm.example.com': registry.front.port };
    const login = kind === "system's PAC" ? undefined : LOGIN;
    const proxy = await Proxy.start(names, login, kind === 'explicit https' ? authority.leaf() : undefined);
    const pac = await PacServer.start(proxy);
    try {
      const url = proxy.urlWith(LOGIN);
      const { user, password } = LOGIN;
      const setting = {
        explicit: url,
        'explicit https': url,
        system: 'system',
        PAC: `pac+http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${pac.address}`,
        "system's PAC": 'system',
      }[kind];
      const environment = {
        explicit: {},
        'explicit https': {},
        system: { https_proxy: url, http_proxy: url },
        PAC: {},
        "system's PAC": { auto_proxy: `http://${pac.address}` },
      }[kind];
      const settings = { network: { proxy: setting, caFile: authority.caFile(folders) } };
      for (const name of sources) {
        const source = name === 'npm' ? 'npm.example.com:443' : 's3.example.com:443';
        const of = name === 'npm' ? fromNpm(registry.token) : FROM_S3;
        const before = proxy.passed.length;
        const wall = startWall({ settings, environment: { ...of, ...environment } });
        const record = await wall.isLive(wall.log.of('session.live').length + 1);
        expect(record, source).toMatchObject({ verified: true });
        // All of it, and nothing else: a wall calls nobody whom it was not told of.
        expect(new Set(proxy.passed.slice(before)), source).toEqual(new Set([source, ...ALWAYS]));
        await wall.stop();
      }
      expect(proxy.wrong).toBe(0);
    } finally {
      await proxy.stop();
      await pac.stop();
    }
  });
}

test('a PAC file that is missing, a proxy that is down, one that does not take our login: told, waited for, no storm', async ({
  stage,
  folders,
  driveWall,
  tray,
}) => {
  const proxy = await Proxy.start(namesInTheField(stage), LOGIN);
  const pac = await PacServer.start(proxy);
  await proxy.stop();
  pac.isMissing = true;
  try {
    const login = `${LOGIN.user}:not-the-password`;
    const wall = await driveWall({
      settings: { network: { proxy: `pac+http://${login}@${pac.address}`, caFile: authority.caFile(folders) } },
      environment: IN_THE_FIELD,
    });
    const notice = await wall.notice();
    const isTold = async (sentence: RegExp) => {
      await expect(notice.locator('#code')).toHaveText('NETWORK_PROXY');
      await expect(notice.locator('#sentence')).toHaveText(sentence);
      await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
    };
    const failures = () => wall.log.of('session.waiting');
    const failOnceMore = () => failToSignIn(wall, tray);
    expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_PROXY' });
    await isTold(/PAC file/);

    // After a try that failed the file is read anew for the next one, whenever Chromium itself would have asked again.
    pac.isMissing = false;
    expect(await failOnceMore()).toMatchObject({ reason: expect.stringContaining('proxy cannot be reached') });
    await isTold(/proxy cannot be reached/);

    await proxy.start();
    const before = failures().length;
    await failOnceMore();
    await isTold(/did not take the user name and password .* \(407\)/);
    // One wrong login for each try: a proxy that locks people out is given no more cause than that.
    expect(proxy.wrong).toBe(failures().length - before);
    expect(wall.app.windows().every((page) => /^(vigil:|about:blank)/.test(page.url()))).toBe(true);

    proxy.login = { ...LOGIN, password: 'not-the-password' };
    await askForSignIn(wall, tray);
    await wall.isLive();

    // Changed while a page stands and goes on asking for its data: it is refused again and again, and does not guess.
    await proxy.stop();
    proxy.login = LOGIN;
    const { refused, wrong } = proxy;
    await proxy.start();
    await expect.poll(() => proxy.refused).toBeGreaterThan(refused + 20);
    expect(proxy.wrong - wrong).toBeLessThan(10);
    expect(wall.log.text()).not.toContain('not-the-password');
    expect(wall.output).not.toContain('not-the-password');
  } finally {
    await proxy.stop();
    await pac.stop();
  }
});
