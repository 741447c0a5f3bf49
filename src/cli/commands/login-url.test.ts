import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startStandin, type Standin } from '../../standin/index.ts';
import { loginUrl } from './login-url.ts';

const WALL = { name: 'wall', accessKeyId: 'AKIAWALLWALLWALLWALL', secretAccessKey: 'a/secret+of/the+user' };
const OPS = { name: 'ops', accessKeyId: 'AKIAOPSOPSOPSOPSOPSO', secretAccessKey: 'another/secret+of/the+user' };
const ROLE = 'arn:aws:iam::111122223333:role/Wall';
const OPS_ROLE = 'arn:aws:iam::111122223333:role/Ops';
let standin: Standin;
let folder: string;
let config: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-login-url-'));
  standin = await startStandin({
    users: [WALL, OPS],
    roles: {
      [ROLE]: { maxSessionDurationSeconds: 3600, trusts: ['arn:aws:iam::111122223333:user/wall'] },
      [OPS_ROLE]: { maxSessionDurationSeconds: 3600, trusts: ['arn:aws:iam::111122223333:user/ops'] },
    },
    secrets: {
      wall: `${WALL.accessKeyId},${WALL.secretAccessKey}`,
      ops: `${OPS.accessKeyId},${OPS.secretAccessKey}`,
    },
    dashboards: [{ name: 'Main' }],
    keysDir: join(folder, 'keys'),
  });
  const { urls } = standin;
  config = join(folder, 'wall.yml');
  await writeFile(
    config,
    `server: {endpoint: "${urls.autoid}", secret: wall}
keys: {directory: keys}
role: {arn: "${ROLE}", sessionName: lobby}
roles: {ops: {arn: "${OPS_ROLE}", secret: ops}, stranger: {arn: "${OPS_ROLE}"}}
dashboard: {url: "${urls.console}/cloudwatch/home?region=eu-west-1#main"}
dashboards:
  errors: {url: "${urls.console}/cloudwatch/home?region=eu-west-1#errors", role: ops}
aws: {federationUrl: "${urls.federation}", endpoints: {all: "${urls.sts}"}}
`,
  );
  vi.stubEnv('HOME', folder);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await standin.stop();
  await rm(folder, { recursive: true });
});

/** Fragment of the page that the login URL leads to. */
async function pageOf(options: Readonly<Record<string, string>>): Promise<string> {
  const url = new URL((await loginUrl({ config, ...options })).trim());
  return new URL(url.searchParams.get('Destination') ?? '').hash;
}

describe('vigil login-url', () => {
  it.each([
    [{}, '#main'],
    [{ dashboard: 'errors' }, '#errors'],
    // Its server's secret is the one that the role trusts; the common one is not.
    [{ role: 'ops' }, '#errors'],
    [{ role: 'ops', dashboard: 'default' }, '#main'],
  ])('with %j leads to %s', async (options, page) => {
    expect(await pageOf(options)).toBe(page);
  });

  it.each([
    [{ role: 'stranger' }, 'STS_ACCESS_DENIED'],
    [{ role: 'opps' }, 'SETTINGS_INVALID'],
    [{ dashboard: 'erors' }, 'SETTINGS_INVALID'],
  ])('with %j fails with %s', async (options, code) => {
    await expect(loginUrl({ config, ...options })).rejects.toMatchObject({ code });
  });
});
