import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ServiceName, SERVICES, type Standin } from '../standin/types.ts';
import { startStandin } from '../standin/index.ts';

const root = new URL('../../', import.meta.url);
const pinnedNode = fileURLToPath(
  new URL(`node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, root),
);
const source = fileURLToPath(new URL('main.ts', import.meta.url));

const ACCESS_KEY = 'AKIAIOSFODNN7EXAMPLE';
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const READER = { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY' };
const ROLE = 'arn:aws:iam::111122223333:role/Wall';
const OPS_ROLE = 'arn:aws:iam::444455556666:role/Ops';
/** It may look at dashboards, and at no alarms. */
const BARE_ROLE = 'arn:aws:iam::111122223333:role/Bare';

let folder: string;
/** The command as it is shipped: bundled, which also starts far quicker than the sources. */
let bundle: string;
let standin: Standin;
/** What the reference's client reads, the keys' folder, and the endpoints. Nothing else. */
let reference: Record<string, string>;
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-cli-'));
  bundle = join(folder, 'dist', 'cli', 'main.js');
  await copyFile(new URL('package.json', root), join(folder, 'package.json'));
  await build({
    entryPoints: [source],
    outdir: join(folder, 'dist', 'cli'),
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  standin = await startStandin({
    keysDir: join(folder, 'keys'),
    secrets: { wall: `${ACCESS_KEY},${SECRET_KEY}`, 'not-credentials': 'hunter2hunter2' },
    users: [
      { name: 'wall', accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
      { name: 'reader', ...READER, allow: ['s3:GetObject'] },
    ],
    roles: {
      [ROLE]: { maxSessionDurationSeconds: 3600 },
      [OPS_ROLE]: { maxSessionDurationSeconds: 7200 },
      [BARE_ROLE]: { maxSessionDurationSeconds: 3600, allow: ['cloudwatch:ListDashboards'] },
    },
    dashboards: [{ name: 'Main' }],
    alarms: [{ name: 'checkout-errors', state: 'ALARM' }, { name: 'checkout-latency' }],
    accounts: { '444455556666': { dashboards: [{ name: 'Ops' }] } },
  });
  reference = {
    AUTO_ID_API_ENDPOINT: standin.urls.autoid,
    AUTO_ID_SECRET_NAME: 'wall',
    ASSUME_ROLE_ARN: ROLE,
    ASSUME_ROLE_SESSION_NAME: 'lobby',
    VISIT_URL: `${standin.urls.console}/cloudwatch/home?region=eu-west-1#dashboards/dashboard/Main`,
    AUTO_ID_KEYS_DIR: join(folder, 'keys'),
    VIGIL_FEDERATION_URL: standin.urls.federation,
    AWS_ENDPOINT_URL_STS: standin.urls.sts,
  };
});

afterEach(async () => {
  await standin.control.heal();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

afterAll(async () => {
  await standin.stop();
  await rm(folder, { recursive: true });
});

function start(args: readonly string[], env: Readonly<Record<string, string>>, entry = bundle) {
  return spawn(pinnedNode, [entry, ...args], {
    cwd: folder,
    // HOME keeps the machine's own settings out; PATH and SystemRoot are what any program needs.
    env: {
      PATH: process.env['PATH'] ?? '',
      SystemRoot: process.env['SystemRoot'] ?? '',
      HOME: folder,
      APPDATA: folder,
      // Started again and again: it need not be compiled anew each time.
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function vigil(args: readonly string[], env: Readonly<Record<string, string>> = reference, entry = bundle) {
  const child = start(args, env, entry);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Where a page leads next. `*.localhost` is asked for at 127.0.0.1, as browsers do without a name server. */
async function follow(address: string): Promise<string> {
  const url = new URL(address);
  const request = get({
    host: '127.0.0.1',
    port: url.port,
    path: url.pathname + url.search,
    headers: { host: url.host },
  });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(302);
  return answer.headers.location ?? '';
}

async function expectFailure(args: readonly string[], env: Record<string, string>, status: number, code: string) {
  const run = await vigil(args, env);
  expect(run.stderr).toMatch(/^vigil: [A-Z_]+: [^\n]+\.\n$/);
  expect(run).toMatchObject({ status, stdout: '' });
  expect(run.stderr.split(':')[1]?.trim()).toBe(code);
  expect(run.stderr).not.toContain(SECRET_KEY);
  return run.stderr;
}

describe('vigil login-url', () => {
  it("needs only the reference's variables, and its URL signs a browser in", async () => {
    const before = standin.control.liveSessions();
    const { status, stdout, stderr } = await vigil(['login-url']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/federation\?Action=login&\S+\n$/);
    expect(new URL(stdout.trim()).searchParams.get('Destination')).toBe(reference['VISIT_URL']);
    const signedIn = await follow(await follow(stdout.trim()));
    expect(signedIn).toBe(reference['VISIT_URL']);
    expect(standin.control.liveSessions()).toBe(before + 1);
  });

  it('does not wait for the call whose answer matters no more', async () => {
    const federation = await serve((request, response) => {
      void text(request).then((form) => {
        if (form.includes('SessionDuration')) response.end('{"SigninToken":"token-for-twelve-hours"}');
      });
    });
    const env = { ...reference, VIGIL_FEDERATION_URL: `${federation}/federation` };
    // The other call would hold the command for five minutes.
    const { status, stdout } = await vigil(['login-url', '--timeout', '300'], env);
    expect(status).toBe(0);
    expect(stdout).toContain('SigninToken=token-for-twelve-hours');
  });

  it('runs from its sources too', async () => {
    expect(await vigil(['login-url'], reference, source)).toMatchObject({ status: 0, stderr: '' });
  });

  it('takes a settings file and flags instead', async () => {
    const file = join(folder, 'wall.yml');
    await writeFile(
      file,
      `server: {endpoint: "${standin.urls.autoid}", secret: nobody}
role: {arn: "${ROLE}"}
dashboard: {url: "${standin.urls.console}/cloudwatch/home?region=eu-west-1"}
keys: {directory: keys}
aws: {federationUrl: "${standin.urls.federation}", endpoints: {all: "${standin.urls.sts}"}}
`,
    );
    const run = await vigil(['login-url', '--config', 'wall.yml', '--secret', 'wall'], {});
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const first = await vigil(['--config', file, 'login-url', '--secret', 'wall'], {});
    expect(first).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('vigil credentials', () => {
  it('prints JSON', async () => {
    const { status, stdout, stderr } = await vigil(['credentials']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY });
  });

  it('prints lines for the environment', async () => {
    const { stdout } = await vigil(['credentials', '--format', 'env']);
    expect(stdout).toBe(`AWS_ACCESS_KEY_ID=${ACCESS_KEY}\nAWS_SECRET_ACCESS_KEY=${SECRET_KEY}\n`);
  });

  it('prints what credential_process takes', async () => {
    const { stdout } = await vigil(['credentials', '--format=process']);
    expect(JSON.parse(stdout)).toEqual({ Version: 1, AccessKeyId: ACCESS_KEY, SecretAccessKey: SECRET_KEY });
  });

  it('takes the keys from S3', async () => {
    for (const name of ['info2048.bin', 'public.pem']) {
      const bytes = new Uint8Array(await readFile(join(folder, 'keys', name)));
      standin.control.putObject('keys-of-acme', `build/${name}`, bytes);
    }
    const env = {
      ...reference,
      AUTO_ID_KEYS_DIR: '',
      AUTO_ID_BUCKET: 'keys-of-acme',
      ENTROPY_ACCESS_ID: READER.accessKeyId,
      ENTROPY_SECRET_KEY: READER.secretAccessKey,
      AWS_ENDPOINT_URL_S3: standin.urls.s3,
      AWS_REGION: 'eu-west-1',
    };
    expect(await vigil(['credentials'], env)).toMatchObject({ status: 0, stderr: '' });
    const refused = { ...env, ENTROPY_SECRET_KEY: SECRET_KEY };
    expect(await expectFailure(['credentials'], refused, 3, 'KEYS_REFUSED')).not.toContain(READER.secretAccessKey);
  });

  it('needs neither role nor dashboard', async () => {
    const { status } = await vigil(['credentials'], { ...reference, ASSUME_ROLE_ARN: '', VISIT_URL: '' });
    expect(status).toBe(0);
  });
});

describe('usage and settings end with 2', () => {
  it.each([
    [['credentials', '--format', 'xml'], 'USAGE'],
    [['credentials', '--bogus'], 'USAGE'],
    [['credentials', '--config'], 'USAGE'],
    [['credentials', 'extra'], 'USAGE'],
    [['credentials', '--keys-dir', 'a\nb'], 'SETTINGS_INVALID'],
    [['credentials', '--secret', ''], 'SETTINGS_INVALID'],
    [['unknown\ncommand'], 'USAGE'],
    [[], 'USAGE'],
    [['login-url', '--config', 'nowhere.yml'], 'SETTINGS_UNREADABLE'],
    [['login-url', '--config', '.'], 'SETTINGS_UNREADABLE'],
    [['login-url', '--url', 'javascript:alert(1)'], 'SETTINGS_INVALID'],
    [['login-url', '--role-arn', 'Wall'], 'SETTINGS_INVALID'],
    [['login-url', '--duration', 'long'], 'SETTINGS_INVALID'],
  ])('%j', async (args, code) => {
    await expectFailure(args, reference, 2, code);
  });

  it('names each variable that is missing', async () => {
    const line = await expectFailure(['login-url'], {}, 2, 'SETTINGS_MISSING');
    for (const name of Object.keys(reference).slice(0, 3)) expect(line).toContain(name);
  });

  it('counts further problems', async () => {
    const env = { ...reference, VISIT_URL: 'x', ASSUME_ROLE_ARN: 'x', VIGIL_PROXY: 'http://' };
    expect(await expectFailure(['login-url'], env, 2, 'SETTINGS_INVALID')).toContain('and 2 more: vigil doctor');
  });

  it.skipIf(process.platform === 'win32')('does not wait for a settings file that is a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.yml')]);
    const line = await expectFailure(['login-url', '--config', 'pipe.yml'], reference, 2, 'SETTINGS_UNREADABLE');
    expect(line).toContain('pipe or a device');
  });

  it('refuses settings files that are none', async () => {
    await writeFile(join(folder, 'bad.yml'), 'server:\n  secret: a\n  secret: b\n');
    const line = await expectFailure(['login-url', '--config', 'bad.yml'], reference, 2, 'SETTINGS_INVALID');
    expect(line).toContain('bad.yml, line 3, column 3');
  });
});

describe('the chain ends with its own codes', () => {
  it('3 for keys', async () => {
    await expectFailure(['login-url'], { ...reference, AUTO_ID_KEYS_DIR: folder }, 3, 'KEYS_NOT_FOUND');
    await expectFailure(['login-url', '--keys-dir', 'nowhere'], reference, 3, 'KEYS_NOT_FOUND');
  });

  it.each([
    [{ kind: 'status', status: 502 }, 'SERVER_UNAVAILABLE'],
    [{ kind: 'status', status: 404 }, 'SERVER_REFUSED'],
    [{ kind: 'not-json' }, 'SERVER_ANSWER_UNREADABLE'],
    [{ kind: 'huge' }, 'SERVER_ANSWER_UNREADABLE'],
  ] as const)('4 for a server that answers with %j', async (fault, code) => {
    await standin.control.fail('autoid', fault);
    await expectFailure(['credentials'], reference, 4, code);
  });

  it('4 for a secret that holds no credentials', async () => {
    const env = { ...reference, AUTO_ID_SECRET_NAME: 'not-credentials' };
    const line = await expectFailure(['credentials'], env, 4, 'CREDENTIALS_UNREADABLE');
    expect(line).not.toContain('hunter2');
  });

  it('5 for a role that AWS refuses', async () => {
    const env = { ...reference, ASSUME_ROLE_ARN: `${ROLE}/Other` };
    await expectFailure(['login-url'], env, 5, 'STS_ACCESS_DENIED');
  });

  it.each([
    ['sts', { kind: 'not-json' }, 'STS_ANSWER_UNREADABLE'],
    ['federation', { kind: 'status', status: 400 }, 'FEDERATION_REFUSED'],
    ['federation', { kind: 'status', status: 503 }, 'FEDERATION_UNAVAILABLE'],
    ['federation', { kind: 'not-json' }, 'FEDERATION_ANSWER_UNREADABLE'],
  ] as const)('5 for %s with %j', async (service, fault, code) => {
    await standin.control.fail(service, fault);
    await expectFailure(['login-url'], reference, 5, code);
  });

  it.each(SERVICES.filter((name): name is ServiceName => name === 'autoid' || name === 'sts' || name === 'federation'))(
    '6 where %s cannot be reached',
    async (service) => {
      await standin.control.fail(service, { kind: 'down' });
      await expectFailure(['login-url'], reference, 6, 'NETWORK_REFUSED');
    },
  );

  it('6 for a server that never answers', async () => {
    await standin.control.fail('autoid', { kind: 'hang' });
    await expectFailure(['login-url', '--timeout', '1'], reference, 6, 'NETWORK_TIMEOUT');
  });
});

describe('as a program among programs', () => {
  it('says in its own form when it is not built', async () => {
    const lonely = join(folder, 'lonely', 'bin', 'vigil');
    await mkdir(join(folder, 'lonely', 'bin'), { recursive: true });
    await writeFile(join(folder, 'lonely', 'package.json'), '{"type": "module"}');
    await copyFile(new URL('bin/vigil', root), lonely);
    const stderr = 'vigil: USAGE: Vigil is not built yet: run npm run bootstrap in its folder.\n';
    expect(await vigil(['doctor'], {}, lonely)).toEqual({ status: 2, stdout: '', stderr });
  });

  it('has help with examples, and a version', async () => {
    for (const args of [['--help'], ['login-url', '--help'], ['credentials', '--help'], ['doctor', '--help']]) {
      const { status, stdout, stderr } = await vigil(args, {});
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('Examples:\n  $ vigil');
    }
    expect((await vigil(['--version'], {})).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('says nothing when nobody reads on', async () => {
    const child = start(['--help'], {});
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.destroy();
    const [status] = (await once(child, 'close')) as [number | null];
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.skipIf(process.platform === 'win32')('ends with 130 on Ctrl-C, in silence', async () => {
    let asked: () => void = () => undefined;
    const wasAsked = new Promise<void>((resolve) => (asked = resolve));
    const endpoint = await serve(() => asked());
    const child = start(['login-url'], { ...reference, AUTO_ID_API_ENDPOINT: endpoint });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
    await wasAsked;
    child.kill('SIGINT');
    const [status] = (await once(child, 'close')) as [number | null];
    expect({ status, output }).toEqual({ status: 130, output: '' });
  });
});

describe('vigil doctor', () => {
  const names = (text: string) =>
    text.split('\n').flatMap((line) => /^(ok|warn|fail|skip) +(\w+): /.exec(line)?.slice(1, 3).join(' ') ?? []);

  it('finds nothing wrong with a chain that works', async () => {
    const { status, stdout, stderr } = await vigil(['doctor']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const parts = ['clock', 'settings', 'proxy', 'keys', 'server', 'role', 'federation', 'dashboard'];
    expect(names(stdout)).toEqual(parts.map((part) => `ok ${part}`));
    expect(stdout).not.toContain(SECRET_KEY);
  });

  it('skips what depends on a failure, and gives a remedy', async () => {
    await standin.control.fail('sts', { kind: 'status', status: 503 });
    const { status, stdout } = await vigil(['doctor']);
    expect(status).toBe(5);
    expect(names(stdout)).toContain('ok clock');
    expect(names(stdout).slice(4)).toEqual(['ok server', 'fail role', 'skip federation', 'ok dashboard']);
    expect(stdout).toMatch(/^fail {2}role: .+ — .+$/m);
  });

  it('ends with the code of the first failure', async () => {
    const { status, stdout } = await vigil(['doctor'], { ...reference, VISIT_URL: 'x', AUTO_ID_KEYS_DIR: folder });
    expect(status).toBe(2);
    expect(names(stdout)).toEqual([
      'skip clock',
      'fail settings',
      'ok proxy',
      'fail keys',
      'skip server',
      'skip role',
      'skip federation',
      'skip dashboard',
    ]);
  });

  it('walks as far as the settings reach', async () => {
    const { status, stdout } = await vigil(['doctor'], { ...reference, ASSUME_ROLE_ARN: '' });
    expect(status).toBe(2);
    expect(names(stdout)).toEqual([
      'ok clock',
      'fail settings',
      'ok proxy',
      'ok keys',
      'ok server',
      'skip role',
      'skip federation',
      'ok dashboard',
    ]);
    expect((await vigil(['doctor'], {})).status).toBe(2);
  });

  it('names a certificate file that is not there', async () => {
    const { status, stdout } = await vigil(['doctor'], { ...reference, VIGIL_CA_FILE: 'nowhere.pem' });
    expect(status).toBe(2);
    expect(names(stdout).slice(0, 4)).toEqual(['skip clock', 'ok settings', 'fail proxy', 'skip keys']);
  });

  it('compares the clock with the answers', async () => {
    const endpoint = await serve((_request, response) => {
      response.writeHead(502, { date: new Date(Date.now() - 3_600_000).toUTCString() }).end();
    });
    const { status, stdout } = await vigil(['doctor'], { ...reference, AUTO_ID_API_ENDPOINT: endpoint });
    expect(status).toBe(4);
    expect(stdout).toMatch(/^warn {2}clock: This clock is 3\d\d\d seconds ahead — .*NTP$/m);
  });

  it('lists where each setting came from, without secrets', async () => {
    const env = {
      ...reference,
      NPM_TOKEN: 'npm_s3cretTokenOfMine',
      VIGIL_PROXY: 'http://me:hunter2hunter2@127.0.0.1:9',
    };
    const { stdout } = await vigil(['doctor'], env);
    const role = `      role.arn = "${ROLE}" (ASSUME_ROLE_ARN)\n`;
    expect(stdout).toContain(role);
    expect(stdout).toContain('      keys.npm.token = "(hidden)" (NPM_TOKEN)\n');
    expect(stdout).not.toContain('(default)');
    // Below the settings' own line, and above the next one.
    expect(stdout).toMatch(/^ok {4}settings: .*\n(?: {6}\S+ = .*\n)+ok {4}proxy: /m);
    const verbose = await vigil(['doctor', '--verbose'], env);
    expect(verbose.stdout).toContain(role);
    expect(verbose.stdout).toContain('      dashboard.zoom = 1 (default)\n');
    const json = await vigil(['doctor', '--json'], env);
    const report = JSON.parse(json.stdout) as { ok: boolean; exitCode: number; checks: unknown[]; settings: unknown[] };
    expect(report).toMatchObject({ ok: true, exitCode: 0 });
    expect(report.checks).toHaveLength(12);
    expect(report.settings).toContainEqual({
      path: 'keys.npm.token',
      value: '(hidden)',
      layer: 'environment',
      from: 'NPM_TOKEN',
    });
    for (const text of [stdout, verbose.stdout, json.stdout]) {
      expect(text).not.toMatch(/s3cretTokenOfMine|hunter2|wJalrXUtnFEMI/);
    }
  });

  describe('of a wall with several sessions', () => {
    /** A line of a check without its sentence. */
    const parts = (text: string) =>
      text.split('\n').flatMap((line) => /^(?:ok|warn|fail|skip) +[\w .-]+(?=: )/.exec(line)?.[0] ?? []);
    const lit = (line: string) => /(display-sleep|screen-saver|lock-screen|auto-suspend)$/.test(line);
    const url = (name: string, base = standin.urls.console) =>
      `"${base}/cloudwatch/home?region=eu-west-1#dashboards/dashboard/${name}"`;

    /** Runs the doctor on a wall of three roles; `changes` replaces lines of its settings. */
    async function doctor(changes: Readonly<Record<string, string>> = {}, args: readonly string[] = []) {
      const lines: Record<string, string> = {
        server: `{endpoint: "${standin.urls.autoid}", secret: wall}`,
        keys: '{directory: keys}',
        aws: `{federationUrl: "${standin.urls.federation}", endpoints: {all: "${standin.urls.cloudwatch}", sts: "${standin.urls.sts}"}}`,
        roles: `{ops: {arn: "${OPS_ROLE}"}, pay: {arn: "${ROLE}"}, idle: {arn: "${ROLE}"}}`,
        dashboards: `{ops: {url: ${url('Ops')}, role: ops}, pay: {url: ${url('Main')}, role: pay}, more: {url: ${url('Main')}, role: ops}}`,
        displays:
          '[{show: [ops, pay]}, {name: right, show: [pay], alarms: {dashboard: pay, prefix: checkout-}}, {show: [more]}]',
        ...changes,
      };
      const file = join(folder, 'several.yml');
      await writeFile(
        file,
        Object.entries(lines)
          .map(([name, value]) => `${name}: ${value}\n`)
          .join(''),
      );
      return vigil(['doctor', '--config', file, ...args], {});
    }

    it('walks each of them, its dashboards and its alarms, and needs no role without a name', async () => {
      const { status, stdout } = await doctor();
      expect(parts(stdout).filter((line) => !lit(line))).toEqual([
        'ok    clock',
        'ok    settings',
        'ok    proxy',
        'ok    keys',
        'ok    server',
        'ok    role ops',
        'ok    federation ops',
        'ok    dashboard ops',
        'ok    dashboard more',
        'ok    role pay',
        'ok    federation pay',
        'ok    dashboard pay',
        'ok    alarms right',
      ]);
      expect(status).toBe(0);
      expect(stdout).toContain(`arn:aws:sts::444455556666:assumed-role/Ops/`);
      expect(stdout).toContain('The role may ask for them, and 1 of them ring now');
      expect(stdout).not.toContain(SECRET_KEY);
      const json = JSON.parse((await doctor({}, ['--json'])).stdout) as { checks: unknown[] };
      expect(json.checks).toContainEqual(expect.objectContaining({ name: 'role', of: 'pay', status: 'ok' }));
    });

    it('tells what is wrong with one of them, and goes on to the next', async () => {
      const roles = `{ops: {arn: "arn:aws:iam::444455556666:role/Nobody"}, pay: {arn: "${BARE_ROLE}"}}`;
      const { status, stdout } = await doctor({ roles });
      expect(status).toBe(5);
      expect(parts(stdout).slice(5, 13)).toEqual([
        'fail  role ops',
        'skip  federation ops',
        'ok    dashboard ops',
        'ok    dashboard more',
        'ok    role pay',
        'ok    federation pay',
        'ok    dashboard pay',
        'fail  alarms right',
      ]);
      expect(stdout).toMatch(/^fail {2}role ops: .*444455556666:role\/Nobody.* — .+$/m);
      expect(stdout).toMatch(/^fail {2}alarms right: .*cloudwatch:DescribeAlarms.* — .+$/m);
    });

    it('asks the server for the credentials of each', async () => {
      const roles = `{ops: {arn: "${OPS_ROLE}", secret: not-credentials}, pay: {arn: "${ROLE}"}}`;
      const { status, stdout } = await doctor({ roles });
      expect(status).toBe(4);
      expect(parts(stdout).slice(4, 11)).toEqual([
        'fail  server ops',
        'skip  role ops',
        'skip  federation ops',
        'ok    dashboard ops',
        'ok    dashboard more',
        'ok    server pay',
        'ok    role pay',
      ]);
      expect(stdout).not.toContain('hunter2hunter2');
    });

    it('asks every dashboard where it is to be, without the session', async () => {
      await standin.control.fail('console', { kind: 'status', status: 503 });
      const nowhere = url('Ops', 'http://127.0.0.1:9');
      const china = '"https://console.amazonaws.cn/cloudwatch/home?region=cn-north-1"';
      const dashboards = `{ops: {url: ${nowhere}, role: ops}, pay: {url: ${url('Main')}, role: pay}, more: {url: ${china}, role: ops}}`;
      const { stdout } = await doctor({ dashboards });
      expect(stdout).toMatch(/^ok {4}role ops: /m);
      expect(stdout).toMatch(/^fail {2}dashboard ops: .*127\.0\.0\.1:9.* — check address and port/m);
      expect(stdout).toMatch(/^fail {2}dashboard more: .*dashboards\.more\.url.*cn-north-1.* — .+$/m);
      expect(stdout).toMatch(
        /^fail {2}dashboard pay: console\.localhost:\d+ does not work at the moment: .* 503 — .+$/m,
      );
    });

    it('misses what the wall needs, and nothing else', async () => {
      const { status, stdout } = await doctor({ server: '{}', displays: '[{show: [default]}, {show: [ops]}]' });
      expect(status).toBe(2);
      const [, missing = ''] = /^fail {2}settings: Not set yet.*?: (.*) — /m.exec(stdout) ?? [];
      expect(missing.split(', ').map((one) => one.split(' ')[0])).toEqual([
        'server.endpoint',
        'server.secret',
        'role.arn',
        'dashboard.url',
      ]);
      expect(parts(stdout).slice(4, 11)).toEqual([
        'skip  server',
        'skip  role default',
        'skip  federation default',
        'skip  dashboard default',
        'skip  role ops',
        'skip  federation ops',
        'ok    dashboard ops',
      ]);
    });
  });
});
