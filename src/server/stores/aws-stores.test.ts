import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assumeRole } from '../../aws/assume-role.ts';
import { createDurationMemory } from '../../aws/duration-memory.ts';
import { Browser } from '../../standin/testing/setup.ts';
import { consoleStore } from './console.ts';
import type { CredentialStore, Issued } from './credential-store.ts';
import { createRoleIssuer, policyFor, type StoreRole } from './roles.ts';
import { secretsManagerStore } from './secrets-manager.ts';
import { sessionNameOf } from './session-name.ts';
import { stsStore } from './sts.ts';
import { failureOf, REGION, requestFor, roleArn, SERVER, storeStage, type StoreStage } from './testing/stage.ts';

let all: StoreStage;
beforeAll(async () => {
  all = await storeStage({
    users: [SERVER, { ...SERVER, name: 'nobody', accessKeyId: 'AKIANOBODY', allow: [] }],
    roles: {
      [roleArn('Wall')]: { maxSessionDurationSeconds: 7200 },
      [roleArn('Guarded')]: { maxSessionDurationSeconds: 3600, externalId: 'harbour-7' },
      [roleArn('Closed')]: { maxSessionDurationSeconds: 3600, trusts: ['arn:aws:iam::111122223333:user/other'] },
    },
    dashboards: [{ name: 'Main' }, { name: 'Gates' }],
    alarms: [{ name: 'loud one', state: 'ALARM' }, { name: 'loud-two', state: 'ALARM' }, { name: 'quiet' }],
    secrets: { 'wall-dashboards': 'AKIAX,secret' },
  });
});
afterAll(() => all.stage.stop());
afterEach(async () => {
  await all.stage.control.heal();
  all.stage.control.clearRequests();
});

const asked = (service: string) => all.stage.control.requests().filter((one) => one.service === service);
const nobody = () => Promise.resolve({ ...SERVER, accessKeyId: 'AKIANOBODY' });

describe('secretsmanager', () => {
  const store = (names?: string[]) => secretsManagerStore(all.ports, all.aws, names);

  it('gives a secret, an older one by its stage or its version', async () => {
    const version = all.stage.control.setSecret('rotated', 'old');
    all.stage.control.setSecret('rotated', 'new');
    const text = async (source: string) => (await store().issue(requestFor(source))) as unknown;
    expect(await text('secretsmanager,rotated')).toEqual({ kind: 'secret', text: 'new' });
    expect(await text('secretsmanager,rotated,,AWSPREVIOUS')).toEqual({ kind: 'secret', text: 'old' });
    expect(await text(`secretsmanager,rotated,${version}`)).toEqual({ kind: 'secret', text: 'old' });
    expect(await text(`secretsmanager,rotated,${version},AWSCURRENT`)).toEqual({ kind: 'secret', text: 'old' });
  });

  it('serves no names but those that it is told', async () => {
    expect(await store(['wall-*']).issue(requestFor('secretsmanager,wall-dashboards'))).toMatchObject({
      kind: 'secret',
    });
    const failure = await failureOf(store(['other', 'wall-x*']).issue(requestFor('secretsmanager,wall-dashboards')));
    expect(failure.code).toBe('STORE_NOT_FOUND');
    expect(asked('secretsmanager')).toHaveLength(1);
  });

  it('says what is wrong', async () => {
    const codeOf = async (store: CredentialStore, source: string) =>
      (await failureOf(store.issue(requestFor(source)))).code;
    expect(await codeOf(store(), 'secretsmanager,absent')).toBe('STORE_NOT_FOUND');
    expect(await codeOf(store(), 'secretsmanager,wall-dashboards,,NOSUCH')).toBe('STORE_NOT_FOUND');
    expect(
      await codeOf(
        secretsManagerStore(all.ports, { ...all.aws, credentials: nobody }),
        'secretsmanager,wall-dashboards',
      ),
    ).toBe('STORE_REFUSED');
    const wrong = { ...all.aws, credentials: () => Promise.resolve({ ...SERVER, secretAccessKey: 'x' }) };
    expect(await codeOf(secretsManagerStore(all.ports, wrong), 'secretsmanager,wall-dashboards')).toBe('STORE_REFUSED');
    for (const fault of [{ kind: 'status', status: 503 }, { kind: 'reset' }] as const) {
      await all.stage.control.fail('secretsmanager', fault, 1);
      expect(await codeOf(store(), 'secretsmanager,wall-dashboards')).toBe('STORE_UNAVAILABLE');
    }
    for (const kind of ['not-json', 'huge'] as const) {
      await all.stage.control.fail('secretsmanager', { kind }, 1);
      expect(await codeOf(store(), 'secretsmanager,wall-dashboards')).toBe('STORE_ANSWER_UNREADABLE');
    }
  });
});

describe('sts', () => {
  const store = (roles: Record<string, StoreRole>) => stsStore(createRoleIssuer(all.ports, all.aws), roles);
  const wall = { wall: { arn: roleArn('Wall') } };

  it("gives temporary credentials of the caller's name", async () => {
    const issued = await store({ wall: { arn: roleArn('Wall'), durationSeconds: 7200 } }).issue(requestFor('sts,wall'));
    if (issued.kind !== 'credentials') throw new Error(issued.kind);
    expect(issued.sessionToken).toBeDefined();
    expect(issued.expiresAt).toBeGreaterThan(Date.now() + 7_000_000);
    // They work, and are the caller's: a chained role is assumed with them.
    const { accessKeyId, secretAccessKey, sessionToken = '' } = issued;
    const again = await assumeRole({
      ...all.ports,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
      role: { arn: roleArn('Wall'), sessionName: 'again' },
      region: REGION,
      endpoint: all.stage.urls.sts,
      timeoutMs: 5000,
      memory: createDurationMemory(all.ports.clock),
      clockOffset: { ms: 0 },
    });
    expect(again.assumedRoleArn).toContain('/again');
  });

  it('falls back to an hour where the role allows no more, and remembers it', async () => {
    const long = store({ guarded: { arn: roleArn('Guarded'), externalId: 'harbour-7', durationSeconds: 43_200 } });
    for (let times = 0; times < 2; times++) {
      const issued = await long.issue(requestFor('sts,guarded'));
      expect(issued).toMatchObject({ kind: 'credentials' });
    }
    expect(asked('sts').map(({ status }) => status)).toEqual([400, 200, 200]);
  });

  it('has the roles of its settings and no others', async () => {
    for (const source of [
      'sts,other',
      'sts,toString',
      'sts,wall,1',
      'sts,wall,,AWSCURRENT',
      `sts,${roleArn('Wall')}`,
    ]) {
      expect((await failureOf(store(wall).issue(requestFor(source)))).code).toBe('STORE_NOT_FOUND');
    }
    expect(asked('sts')).toHaveLength(0);
    expect(() => store({ bad: { arn: 'arn:aws:iam::1:user/x' } })).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error,
    );
  });

  it('says what is wrong', async () => {
    const closed = store({ closed: { arn: roleArn('Closed') } });
    expect((await failureOf(closed.issue(requestFor('sts,closed')))).code).toBe('STORE_REFUSED');
    await all.stage.control.fail('sts', { kind: 'status', status: 500 }, 1);
    expect((await failureOf(store(wall).issue(requestFor('sts,wall')))).code).toBe('STORE_UNAVAILABLE');
    await all.stage.control.fail('sts', { kind: 'not-json' }, 1);
    expect((await failureOf(store(wall).issue(requestFor('sts,wall')))).code).toBe('STORE_ANSWER_UNREADABLE');
  });

  it("locks to the caller's network, and gives nothing where that is not known", async () => {
    const locked = { wall: { arn: roleArn('Wall'), lock: 'caller' as const } };
    expect(await store(locked).issue(requestFor('sts,wall'))).toMatchObject({ kind: 'credentials' });
    for (const address of ['10.1.2.3', '127.0.0.1', '::1', 'fd00::1', 'home', '::ffff:192.168.1.1', '169.254.1.1']) {
      const failure = await failureOf(store(locked).issue(requestFor('sts,wall', '', { address })));
      expect([address, failure.code]).toEqual([address, 'STORE_REFUSED']);
    }
    const { source, destination, caller } = requestFor('sts,wall');
    expect((await failureOf(store(locked).issue({ source, destination, caller }))).code).toBe('STORE_REFUSED');
    expect(asked('sts')).toHaveLength(1);
  });

  it.each([
    ['52.94.76.7', '52.94.76.7/32'],
    ['::ffff:52.94.76.7', '52.94.76.7/32'],
    ['2001:db9:1:2:aaaa:bbbb:cccc:dddd', '2001:db9:1:2::/64'],
  ])('%s is locked to %s', (address, network) => {
    expect(policyFor({ arn: roleArn('Wall'), lock: 'caller' }, { address })).toContain(`["${network}"]`);
  });
});

describe('console', () => {
  const page = (name = 'Main') => `${all.stage.urls.console}/cloudwatch/home?region=${REGION}#dashboards:name=${name}`;
  const store = (role: object = {}) =>
    consoleStore(all.ports, all.aws, createRoleIssuer(all.ports, all.aws), { wall: { arn: roleArn('Wall'), ...role } });
  const issue = (destination: string, role?: object): Promise<Issued> =>
    store(role).issue(requestFor('console,wall', destination));

  it('gives an address that opens the dashboard signed in, and nothing else', async () => {
    const issued = await issue(page());
    if (issued.kind !== 'login-url') throw new Error(issued.kind);
    expect(Object.keys(issued).sort()).toEqual(['expiresAt', 'kind', 'sessionEndsAt', 'url']);
    expect(issued.sessionEndsAt).toBeGreaterThan(Date.now() + 3_000_000);
    expect(issued.expiresAt).toBeLessThanOrEqual(Date.now() + 15 * 60_000);
    const opened = await new Browser().open(issued.url);
    expect([opened.status, opened.url]).toEqual([200, expect.stringContaining('dashboards:name=Main')]);
    expect(all.stage.control.sessions().at(-1)?.role).toBe('Wall');
  });

  it('tells dashboards and ringing alarms', async () => {
    expect(await issue('list-dashboards:eu-west-1')).toEqual({ kind: 'dashboards', names: ['Main', 'Gates'] });
    expect(await issue('list-dashboards:eu-west-1?prefix=G')).toEqual({ kind: 'dashboards', names: ['Gates'] });
    expect(await issue('alarms:eu-west-1?name=loud%20one&name=quiet')).toEqual({
      kind: 'alarms',
      inAlarm: ['loud one'],
    });
    expect(await issue('alarms:eu-west-1?prefix=loud')).toEqual({ kind: 'alarms', inAlarm: ['loud one', 'loud-two'] });
  });

  it('asks once for what many walls want, and not with a new session each time', async () => {
    const one = store();
    const request = requestFor('console,wall', 'alarms:eu-west-1?prefix=loud');
    await Promise.all(Array.from({ length: 20 }, () => one.issue(request)));
    await one.issue(requestFor('console,wall', 'alarms:eu-west-1?name=quiet'));
    expect(asked('cloudwatch')).toHaveLength(2);
    expect(asked('sts')).toHaveLength(1);
  });

  it('does not keep a failure', async () => {
    const one = store();
    const request = requestFor('console,wall', 'alarms:eu-west-1?prefix=loud');
    await all.stage.control.fail('cloudwatch', { kind: 'status', status: 503 }, 1);
    expect((await failureOf(one.issue(request))).code).toBe('STORE_UNAVAILABLE');
    expect(await one.issue(request)).toMatchObject({ kind: 'alarms' });
  });

  it.each([
    '',
    'alarms:eu-west-1',
    'alarms:eu-west-1?name=',
    'alarms:eu-west-1?other=x',
    'alarms:evil.example/?name=x',
    'alarms:cn-north-1?name=x',
    'list-dashboards:eu-west-1?name=x',
    'list-dashboards:eu-west-1?prefix=a%20b',
    'delete-dashboards:eu-west-1',
    `alarms:eu-west-1?${'name=x&'.repeat(101)}`,
    'https://example.com/cloudwatch/home',
    'https://eu-west-1.console.aws.amazon.com.example.com/cloudwatch/home',
    'https://console.amazonaws.cn/cloudwatch/home',
    'https://signin.aws.amazon.com/oauth',
    'http://eu-west-1.console.aws.amazon.com/cloudwatch/home',
    'https://eu-west-1.console.aws.amazon.com:8443/cloudwatch/home',
  ])('gives nothing for %j', async (destination) => {
    expect((await failureOf(issue(destination))).code).toBe('STORE_REFUSED');
    expect(asked('federation')).toHaveLength(0);
    expect(asked('cloudwatch')).toHaveLength(0);
  });

  it('takes no page of this machine for a console where AWS is the real one', async () => {
    const { credentials, region, endpoints, timeoutMs } = all.aws;
    const aws = { credentials, region, endpoints, timeoutMs };
    const real = consoleStore(all.ports, aws, createRoleIssuer(all.ports, aws), { wall: { arn: roleArn('Wall') } });
    expect((await failureOf(real.issue(requestFor('console,wall', page())))).code).toBe('STORE_REFUSED');
    expect(asked('sts')).toHaveLength(0);
  });

  it('leads to destinations of the role only, where they are named', async () => {
    const destinations = [`${all.stage.urls.console}/cloudwatch/*`];
    expect(await issue(page(), { destinations })).toMatchObject({ kind: 'login-url' });
    expect((await failureOf(issue(page().replace('/cloudwatch/', '/iam/'), { destinations }))).code).toBe(
      'STORE_REFUSED',
    );
    expect((await failureOf(issue(page(), { destinations: [] }))).code).toBe('STORE_REFUSED');
    expect(await issue(page(), { destinations: [page()] })).toMatchObject({ kind: 'login-url' });
  });
});

describe('the name of a session', () => {
  it('is one that STS takes, and no two devices have the same', () => {
    const names = ['lobby-1', 'x', 'Foyer Süd', 'Foyer Nord', '…'.repeat(80), 'y'.repeat(80)].map((name, i) =>
      sessionNameOf({ id: `d${i}`, name }),
    );
    for (const name of names) expect(name).toMatch(/^[\w+=,.@-]{2,64}$/);
    expect(names[0]).toBe('lobby-1');
    expect(new Set([...names, sessionNameOf({ id: 'd9', name: 'Foyer Süd' })]).size).toBe(names.length + 1);
  });
});
