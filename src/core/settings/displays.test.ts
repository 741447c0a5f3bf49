import { describe, expect, it } from 'vitest';
import { parseSettingsFile } from '../../node/parse-settings-file.ts';
import { mergeSettings } from './layers.ts';
import { credentialSourceOf, missingFields, missingProblem } from './requirements.ts';
import { dashboardSettings, sessionSettings } from './sessions.ts';

const ARN = 'arn:aws:iam::123456789012:role/Wall';
const URL_A = 'https://console.aws.amazon.com/a';

function merge(values: unknown) {
  return mergeSettings([{ layer: 'user settings', name: 'wall.yml', values }]);
}

function settingsOf(values: unknown) {
  const { settings, problems } = merge(values);
  expect(problems).toEqual([]);
  return settings;
}

/** The one sentence that settings as YAML are answered with. */
function sentenceFor(yaml: string): string {
  const file = parseSettingsFile(new TextEncoder().encode(yaml), 'wall.yml');
  const { problems } = mergeSettings([{ layer: 'user settings', name: 'wall.yml', ...file }]);
  expect(problems.map(({ sentence }) => sentence)).toHaveLength(1);
  return problems[0]?.sentence ?? '';
}

describe('what is short for something', () => {
  it('is brought into its full form', () => {
    const { displays, wall, dashboards } = settingsOf({
      dashboards: { a: { url: URL_A } },
      displays: [{ show: ['a', { dashboard: 'default' }], night: { hours: '22:00-6:00' } }],
      wall: { night: { days: ['sun'] } },
    });
    expect(dashboards).toEqual({ a: { url: URL_A, zoom: 1, refreshSeconds: 300 } });
    expect(displays).toEqual([
      {
        show: [
          { dashboard: 'a', seconds: 60 },
          { dashboard: 'default', seconds: 60 },
        ],
        night: [{ hours: '22:00-6:00' }],
      },
    ]);
    expect(wall.night).toEqual([{ days: ['sun'] }]);
  });
});

describe('one sentence, with its line, says what is wrong with', () => {
  it.each([
    [
      'an unknown dashboard',
      'dashboards:\n  main: {url: https://a.test/}\ndisplays:\n  - show:\n      - main\n  - name: left\n    show:\n      - dashboard: mian',
      'wall.yml, line 8: displays[1].show[0].dashboard must name an entry of dashboards (the nearest is main).',
    ],
    [
      'an unknown dashboard of alarms',
      'displays:\n  - show: [default]\n    alarms:\n      dashboard: x\n      prefix: p',
      'wall.yml, line 4: displays[0].alarms.dashboard must name an entry of dashboards (the nearest is default).',
    ],
    [
      'an unknown role',
      'dashboards:\n  a: {url: https://a.test/}\n  b:\n    url: https://b.test/\n    role: ops',
      'wall.yml, line 5: dashboards.b.role must name an entry of roles (the nearest is default).',
    ],
    ['no display', 'displays: []', 'wall.yml, line 1: displays must have at least one display.'],
    [
      'nothing to show',
      'displays:\n  - show: []',
      'wall.yml, line 2: displays[0].show must have at least one dashboard.',
    ],
    ['no show', 'displays:\n  - name: left', 'wall.yml, line 1: displays[0].show must be given.'],
    [
      'a misspelt field',
      'displays:\n  - show: [default]\n    nihgt: {days: [sun]}',
      'wall.yml, line 1: displays[0] has no field named nihgt (the nearest is night).',
    ],
    [
      'a misspelt field of an entry',
      'displays:\n  - show:\n      - dashboard: default\n        second: 30',
      'wall.yml, line 2: displays[0].show[0] has no field named second (the nearest is seconds).',
    ],
    [
      'an entry that is none',
      'displays:\n  - show: [17]',
      'wall.yml, line 2: displays[0].show[0] must be the name of a dashboard, or a group of fields.',
    ],
    [
      'too short a time',
      'displays:\n  - show:\n      - {dashboard: default, seconds: 4}',
      'wall.yml, line 3: displays[0].show[0].seconds must be a whole number of seconds from 5 to 86400.',
    ],
    [
      'hours that are none',
      'displays:\n  - show:\n      - dashboard: default\n        hours: 8-18',
      'wall.yml, line 4: displays[0].show[0].hours must be hours such as 08:00-18:00, or 22:00-06:00 past midnight.',
    ],
    [
      'an hour that is none',
      'wall:\n  night:\n    hours: 24:00-06:00',
      'wall.yml, line 3: wall.night.hours must be hours such as 08:00-18:00, or 22:00-06:00 past midnight.',
    ],
    [
      'a day that is none',
      'wall:\n  night:\n    - days: [sat]\n    - days: [Sunday]',
      'wall.yml, line 4: wall.night[1].days[0] must be mon, tue, wed, thu, fri, sat or sun.',
    ],
    ['a night without end', 'wall:\n  night: {}', 'wall.yml, line 2: wall.night must have hours, days or both.'],
    [
      'alarms without names',
      'displays:\n  - show: [default]\n    alarms: {dashboard: default}',
      'wall.yml, line 3: displays[0].alarms must have names, prefix or both.',
    ],
    [
      'two displays of one name',
      'displays:\n  - show: [default]\n  - name: display-1\n    show: [default]',
      'wall.yml, line 3: displays[1].name must not be the name of displays[0].',
    ],
    [
      'two displays that are one',
      'displays:\n  - match: {x: 0, y: 0}\n    show: [default]\n  - match: {y: 0, x: 0}\n    show: [default]',
      'wall.yml, line 4: displays[1].match must not be the same as that of displays[0].',
    ],
    [
      'a time zone that is none',
      'wall:\n  timeZone: Europe/Atlantis',
      'wall.yml, line 2: wall.timeZone must be the IANA name of a time zone, such as Europe/Berlin.',
    ],
    [
      'an offset as a time zone',
      'wall:\n  timeZone: "+01:00"',
      'wall.yml, line 2: wall.timeZone must be the IANA name of a time zone, such as Europe/Berlin.',
    ],
    [
      'a page for everybody',
      'health:\n  port: 80\n  host: 0.0.0.0',
      'wall.yml, line 3: health.host must be an address of this machine itself (127.0.0.1) unless health.token is set.',
    ],
    [
      'too short a token',
      'health:\n  host: 0.0.0.0\n  token: short',
      'wall.yml, line 3: health.token must be one word of at least 16 characters.',
    ],
    [
      'refreshes too often',
      'dashboard:\n  refreshSeconds: 9',
      'wall.yml, line 2: dashboard.refreshSeconds must be 0 (never) or a whole number of seconds from 10 to 86400.',
    ],
    [
      'an allowance that no refresh can keep',
      'dashboard:\n  staleAfterSeconds: 300',
      'wall.yml, line 2: dashboard.staleAfterSeconds must be longer than refreshSeconds.',
    ],
    [
      'the same of a named one',
      'dashboards:\n  a:\n    url: https://a.test/\n    refreshSeconds: 20\n    staleAfterSeconds: 20',
      'wall.yml, line 5: dashboards.a.staleAfterSeconds must be longer than refreshSeconds.',
    ],
    ['a dashboard without an address', 'dashboards:\n  a: {}', 'wall.yml, line 2: dashboards.a.url must be given.'],
    [
      'a name that is taken',
      'dashboards:\n  default:\n    url: https://a.test/',
      'wall.yml, line 1: dashboards must not use the name default, which is taken.',
    ],
    [
      'a name that is none',
      'roles:\n  "two words":\n    arn: x',
      'wall.yml, line 1: roles must be a name of up to 64 letters, digits, _ or -.',
    ],
    ['a role without ARN', 'roles:\n  ops: {secret: a}', 'wall.yml, line 2: roles.ops.arn must be given.'],
    [
      'a role with two secrets',
      `roles:\n  ops:\n    arn: ${ARN}\n    secret: a\n    credentialSource: vault,x`,
      'wall.yml, line 5: roles.ops.credentialSource must not stand beside secret: they say the same in two ways.',
    ],
    [
      'tags that are not there',
      `roles:\n  ops:\n    arn: ${ARN}\n    transitiveTagKeys: [Team]`,
      "wall.yml, line 4: roles.ops.transitiveTagKeys must name keys of the role's tags only.",
    ],
    [
      'a policy that is none',
      `roles:\n  ops:\n    arn: ${ARN}\n    policy: '{}'`,
      'wall.yml, line 4: roles.ops.policy must be an IAM policy: it has no Statement.',
    ],
  ])('%s', (_what, yaml, sentence) => {
    expect(sentenceFor(yaml)).toBe(sentence);
  });

  it('a name that is missing only because of another problem is not told', () => {
    const { problems } = merge({ dashboards: { a: { url: 'nonsense' } }, displays: [{ show: ['a'] }] });
    expect(problems.map(({ path }) => path)).toEqual(['dashboards']);
  });

  it('names that no one could read are not repeated', () => {
    const { problems } = merge({ dashboards: { a: { url: URL_A, [`x\n${'y'.repeat(5000)}`]: 1 } } });
    expect(problems[0]?.sentence).toMatch(
      /^wall\.yml: dashboards\.a has no field named x\?y+… \(the nearest is \w+\)\.$/,
    );
  });

  it('a lot of bad references is told in part', () => {
    const show = Array.from({ length: 100 }, () => 'x');
    const { problems } = merge({ displays: [{ show }] });
    expect(problems).toHaveLength(50);
  });

  it('a dashboard may be named in a policy and shown in the user settings', () => {
    const merged = mergeSettings([
      { layer: 'policy defaults', name: 'policy.yml', values: { dashboards: { a: { url: URL_A } } } },
      { layer: 'user settings', name: 'wall.yml', values: { displays: [{ show: ['a'] }] } },
    ]);
    expect(merged.problems).toEqual([]);
  });

  it('other addresses are fine with a token, and this machine without', () => {
    settingsOf({ health: { port: 0, host: '0.0.0.0', token: '0123456789abcdef' } });
    for (const host of ['localhost', '::1', '127.0.0.2']) settingsOf({ health: { host } });
  });
});

describe('sessions and dashboards by name', () => {
  const settings = settingsOf({
    server: { secret: 'wall' },
    role: { arn: ARN, sessionName: 'lobby', externalId: 'abc' },
    roles: { ops: { arn: ARN, credentialSource: 'vault,x' }, toString: { arn: ARN, sessionName: 'own' } },
    dashboards: { a: { url: URL_A, role: 'ops' } },
  });

  it('are found, those without a name as default', () => {
    expect(sessionSettings(settings, 'default')).toMatchObject({ arn: ARN, sessionName: 'lobby', path: 'role' });
    expect(sessionSettings(settings, 'ops')).toMatchObject({ sessionName: 'lobby', path: 'roles.ops' });
    expect(sessionSettings(settings, 'ops')?.externalId).toBeUndefined();
    expect(sessionSettings(settings, 'toString')?.sessionName).toBe('own');
    expect(sessionSettings(settings, 'valueOf')).toBeUndefined();
    expect(dashboardSettings(settings, 'a')).toMatchObject({ url: URL_A, session: 'ops', path: 'dashboards.a' });
    expect(dashboardSettings(settings, 'default')).toMatchObject({ session: 'default', path: 'dashboard' });
    expect(dashboardSettings(settings, 'constructor')).toBeUndefined();
  });

  it('ask the server for their own secret or the common one', () => {
    expect(credentialSourceOf(settings, 'ops')).toBe('vault,x');
    expect(credentialSourceOf(settings, 'toString')).toBe('secretsmanager,wall');
    expect(credentialSourceOf(settings)).toBe('secretsmanager,wall');
  });
});

describe('what a wall needs', () => {
  const base = { server: { endpoint: 'https://autoid.test' }, keys: { directory: '/keys' } };

  it('is nothing of the groups without a name where no display uses them', () => {
    const settings = settingsOf({
      ...base,
      roles: { ops: { arn: ARN, secret: 'ops' } },
      dashboards: { a: { url: URL_A, role: 'ops' } },
      displays: [{ show: ['a'] }],
    });
    expect(missingFields(settings, 'wall')).toEqual([]);
    expect(missingFields(settings, 'login-url')).toEqual(['server.secret', 'role.arn', 'dashboard.url']);
    expect(missingProblem(settings, 'login-url', [], { session: 'ops', dashboard: 'a' })).toBeUndefined();
  });

  it('is all of what its displays use', () => {
    const settings = settingsOf({
      ...base,
      roles: { ops: { arn: ARN } },
      dashboards: { a: { url: URL_A, role: 'ops' }, b: { url: URL_A } },
      displays: [{ show: ['a'], alarms: { dashboard: 'b', names: ['x'] } }],
    });
    expect(missingFields(settings, 'wall')).toEqual(['server.secret', 'role.arn']);
  });
});
