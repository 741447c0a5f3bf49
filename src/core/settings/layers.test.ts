import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Field, FIELDS, fieldAt, setValueAt, shownValue, valueAt } from './fields.ts';
import { LAYER_NAMES, mergeSettings, type SettingsLayer } from './layers.ts';
import { DEFAULT_SETTINGS, settingsSchema } from './schema.ts';

const user = (values: unknown): SettingsLayer => ({ layer: 'user settings', name: '/etc/settings.yml', values });

function withField(path: string, value: unknown): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  setValueAt(values, path, value);
  return values;
}

/** One good value of every field. */
const GOOD: Readonly<Record<string, unknown>> = {
  version: 1,
  'server.endpoint': 'https://api.example.com',
  'server.secret': 'wall/keys',
  'server.credentialSource': 'vault,secret/wall,2,AWSCURRENT',
  'server.protocol': 'v2',
  'server.deviceFile': '/var/lib/vigil/device.json',
  'server.activationCode': '0123-4567-89AB',
  'keys.source': 's3',
  'keys.directory': '/srv/schlüssel',
  'keys.npm.scope': '@example',
  'keys.npm.package': 'my-keys',
  'keys.npm.registry': 'https://npm.example.com/feed/',
  'keys.npm.token': 'npm_0123456789',
  'keys.s3.bucket': 'example-keys',
  'keys.s3.region': 'eu-central-1',
  'keys.s3.prefix': 'walls/',
  'keys.s3.accessKeyId': 'AKIAIOSFODNN7EXAMPLE',
  'keys.s3.secretAccessKey': 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  'keys.s3.sessionToken': 'IQoJb3JpZ2luX2Vj==',
  'keys.git.url': 'https://git.example.com/keys.git',
  'keys.git.branch': 'release/1',
  'keys.git.folder': 'walls',
  'keys.git.username': 'reader',
  'keys.git.token': 'git_0123456789',
  'keys.https.url': 'https://keys.example.com/walls/',
  'keys.https.token': 'web_0123456789',
  'role.arn': 'arn:aws-us-gov:iam::123456789012:role/path/Wall',
  'role.sessionName': 'lobby+1=a,b.c@d-e_f',
  'role.durationSeconds': 43_200,
  'role.externalId': 'abc:/def',
  'role.policy': '{"Version":"2012-10-17","Statement":[]}',
  'role.policyArns': ['arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess'],
  'role.tags': { Team: 'Ops', 'cost center': '' },
  'role.transitiveTagKeys': [],
  'role.sourceIdentity': 'lobby',
  'dashboard.url': 'https://console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/Main',
  'dashboard.zoom': 0.25,
  'dashboard.refreshSeconds': 0,
  'dashboard.staleAfterSeconds': 901,
  roles: {
    ops: {
      arn: 'arn:aws:iam::210987654321:role/Ops',
      sessionName: 'lobby-ops',
      externalId: 'abc',
      policy: '{"Statement":[]}',
      tags: { Team: 'Ops' },
      transitiveTagKeys: ['Team'],
      secret: 'wall-ops',
      region: 'eu-west-1',
    },
    constructor: { arn: 'arn:aws:iam::210987654321:role/Other', credentialSource: 'vault,x' },
  },
  dashboards: {
    Übersicht: { url: 'https://console.aws.amazon.com/', zoom: 2, refreshSeconds: 10, staleAfterSeconds: 11 },
    second: { url: 'http://localhost:1/', zoom: 1, refreshSeconds: 0 },
  },
  displays: [
    {
      name: 'left',
      match: { id: 7, label: 'DELL U2720Q', width: 3840, height: 2160, x: -3840, y: 0, primary: false },
      show: [
        { dashboard: 'default', seconds: 60 },
        { dashboard: 'default', seconds: 5, hours: '8:00-24:00', days: ['mon', 'sun'] },
      ],
      night: [],
      alarms: { dashboard: 'default', names: ['a b', 'c'], prefix: 'prod-', region: 'eu-west-1', everySeconds: 10 },
    },
    { show: [{ dashboard: 'default', seconds: 60 }] },
  ],
  'aws.region': 'us-gov-west-1',
  'aws.federationUrl': 'https://signin.aws.amazon.com/federation',
  'aws.endpoints.all': 'http://localhost:4566',
  'aws.endpoints.sts': 'http://127.8.9.1:1',
  'aws.endpoints.s3': 'http://[::1]:9000',
  'network.proxy': 'http://user:password@proxy.example.com:3128',
  'network.caFile': 'C:\\certs\\ca.pem',
  'network.timeoutSeconds': 1,
  'wall.windowed': true,
  'wall.tray': false,
  'wall.maxSessionAgeSeconds': 600,
  'wall.paintDeadlineSeconds': 600,
  'wall.logFolder': '/var/log/vigil',
  'wall.timeZone': 'Australia/Lord_Howe',
  'wall.night': [{ hours: '22:00-06:00', days: ['sat'] }, { days: ['sun'] }],
  'health.port': 0,
  'health.host': '::1',
  'health.token': '0123456789abcdef',
};

/** What no field, or nearly no field, takes. */
const WRONG: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a negative number', -1],
  ['a huge number', 1e308],
  ['a fraction', 0.1],
  ['a big integer', 10n ** 40n],
  ['an empty text', ''],
  ['a space', ' '],
  ['spaces around', ' padded '],
  ['a trailing space', 'padded '],
  ['a line break', 'first\nsecond'],
  ['a carriage return', 'first\r\nX-Injected: 1'],
  ['a NUL', 'nul\u0000'],
  ['an escape sequence', '\u001b[31mred'],
  ['a line separator', 'a\u2028b'],
  ['half a surrogate pair', 'half\ud800'],
  ['a million characters', 'x'.repeat(1_000_000)],
  ['a symbol', Symbol('s')],
  ['a function', () => 1],
  ['a date', new Date(0)],
  ['a list of everything', [null, 1, 'x', {}, []]],
  ['nested lists', [[[[[]]]]]],
  ['a group', { unexpected: { deep: true } }],
  ['a polluting group', JSON.parse('{"__proto__":{"polluted":true}}') as unknown],
  ['a constructor', { constructor: { prototype: { polluted: true } } }],
];

const TAKES_ANYWAY: Readonly<Record<string, readonly string[]>> = {
  'keys.s3.prefix': ['an empty text', 'a space', 'spaces around', 'a trailing space'],
};

describe.each(FIELDS.map((field) => [field.path, field] as const))('%s', (path, field) => {
  it('takes a good value, and says where it came from', () => {
    const merged = mergeSettings([user(withField(path, GOOD[path]))]);
    expect(merged.problems).toEqual([]);
    expect(valueAt(merged.settings, path)).toEqual(GOOD[path]);
    expect(merged.sources[path]).toEqual({ layer: 'user settings', name: '/etc/settings.yml' });
  });

  it.each(WRONG)('refuses %s with a sentence, and keeps the weaker value', (name, value) => {
    if (TAKES_ANYWAY[path]?.includes(name) === true) return;
    const merged = mergeSettings([user(withField(path, value))]);
    expect(merged.problems).toHaveLength(1);
    const [problem] = merged.problems;
    expect(problem).toMatchObject({ code: 'SETTINGS_INVALID', path, source: { name: '/etc/settings.yml' } });
    expect(problem?.sentence).toMatch(/^\/etc\/settings\.yml: [\w.[\]]+ .+\.$/);
    expect(problem?.sentence.startsWith(`/etc/settings.yml: ${path}`)).toBe(true);
    expect(problem?.sentence.length).toBeLessThan(300);
    expect(valueAt(merged.settings, path)).toEqual(valueAt(DEFAULT_SETTINGS, path));
  });

  it('never repeats a bad value', () => {
    const canary = 'Canary7f3a\n';
    const merged = mergeSettings([user(withField(path, canary))]);
    expect(JSON.stringify(merged.problems)).not.toContain('Canary7f3a');
  });

  it('is documented', () => {
    expect(field.schema.description).toMatch(/^\p{L}.*\.$/u);
  });
});

describe('single rules', () => {
  const URLS = FIELDS.filter(({ path }) => /endpoint|registry|Url$|\.url$/.test(path)).map(({ path }) => path);
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ...URLS.flatMap((path): [string, unknown, RegExp][] => [
      [path, 'javascript:alert(1)', /https:\/\//],
      [path, 'file:///etc/passwd', /https:\/\//],
      [path, 'ftp://example.com/', /https:\/\//],
      [path, 'data:text/html,x', /https:\/\//],
      [path, '/relative', /whole URL/],
      [path, 'example.com', /whole URL/],
      [path, 'http://example.com/', /this machine itself/],
      [path, 'http://127.0.0.1.example.com/', /this machine itself/],
      [path, 'http://localhost.example.com/', /this machine itself/],
      [path, 'http://10.0.0.1/', /this machine itself/],
      [path, 'https://user:hunter2@example.com/', /user name or password/],
      [path, 'https://user@example.com/', /user name or password/],
      [path, 'https://', /whole URL/],
      [path, 'https://exa mple.com', /whole URL/],
      [path, 'https://example.com\\path', /backslash/],
    ]),
    ['server.endpoint', 'https://example.com/?stage=1', /query/],
    ['aws.federationUrl', 'https://example.com/federation#x', /fragment/],
    ['server.secret', 'a,b', /without commas/],
    ['server.credentialSource', 'secretsmanager', /store,id/],
    ['server.credentialSource', ',id', /store,id/],
    ['server.credentialSource', 'a,b,c,d,e', /store,id/],
    ['keys.source', 'ftp', /directory, npm, s3, git/],
    ['keys.git.url', 'ssh://git.example.com/keys', /https/],
    ['keys.git.branch', 'a b', /branch/],
    ['keys.https.url', 'http://example.com/keys', /https/],
    ['server.protocol', 'v3', /v1 or v2/],
    ['keys.npm.scope', '@Upper', /scope/],
    ['keys.npm.scope', '@../../etc', /scope/],
    ['keys.npm.package', '../evil', /package name/],
    ['keys.npm.token', 'two words', /without spaces/],
    ['keys.s3.bucket', 'UPPER', /bucket/],
    ['keys.s3.accessKeyId', 'short', /key id/],
    ['role.arn', 'arn:aws:iam::12345:role/X', /ARN like/],
    ['role.arn', 'arn:aws:iam::123456789012:user/X', /ARN like/],
    ['role.arn', 'arn:aws:iam::123456789012:role/', /ARN like/],
    ['role.arn', 'role/X', /ARN like/],
    ['role.sessionName', 'x', /2 to 64/],
    ['role.sessionName', 'y'.repeat(65), /at most 64/],
    ['role.sessionName', 'lobby wall', /2 to 64/],
    ['role.sessionName', 'schön', /2 to 64/],
    ['role.durationSeconds', 899, /900 to 43200/],
    ['role.durationSeconds', 43_201, /900 to 43200/],
    ['role.durationSeconds', 900.5, /900 to 43200/],
    ['role.durationSeconds', '3600', /900 to 43200/],
    ['role.policy', 'not json', /IAM policy/],
    ['role.policy', '[]', /IAM policy/],
    ['role.policy', '{}', /no Statement/],
    ['role.policy', { Statement: ['x'.repeat(2048)] }, /at most 2048/],
    ['role.policy', { Statement: ['\u0100'] }, /Latin-1/],
    ['role.policyArns', ['arn:aws:iam::aws:policy/A', 'x'], /policyArns\[1\] must be an ARN/],
    ['role.policyArns', Array.from({ length: 11 }, () => 'arn:aws:iam::aws:policy/A'), /at most 10/],
    ['role.tags', Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])), /at most 50/],
    ['role.tags', { ['k'.repeat(129)]: '' }, /keys of 1 to 128/],
    ['role.tags', { k: 'v'.repeat(257) }, /at most 256/],
    ['role.tags', { k: 1 }, /role\.tags\.k must be text/],
    ['role.transitiveTagKeys', ['Nobody'], /keys of role\.tags/],
    ['dashboard.zoom', 5.01, /0\.25 to 5/],
    ['aws.region', 'Frankfurt', /AWS region/],
    ['network.proxy', 'auto', /system, none/],
    ['network.proxy', 'pac+ftp://x', /system, none/],
    ['wall.windowed', 'true', /true or false/],
    ['wall.tray', 1, /true or false/],
    ['version', 0, /must be 1/],
    ['version', '1', /must be 1/],
    ['version', 2, /this Vigil is older/],
  ];
  it.each(bad)('%s refuses a value of its kind', (path, value, sentence) => {
    const { problems } = mergeSettings([user(withField(path, value))]);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe(path);
    expect(problems[0]?.sentence).toMatch(sentence);
    expect(problems[0]?.sentence).not.toContain('hunter2');
  });

  it('takes http on loopback, however it is written', () => {
    for (const host of ['127.0.0.1', '127.1.2.3:8', '[::1]:9', 'localhost', 'LOCALHOST:1', 'console.localhost']) {
      const { problems } = mergeSettings([user({ dashboard: { url: `http://${host}/x?y#z` } })]);
      expect(problems).toEqual([]);
    }
  });

  it('brings scope and policy into one form', () => {
    const { settings } = mergeSettings([
      user({ keys: { npm: { scope: 'example' } }, role: { policy: { Statement: [] } } }),
    ]);
    expect(settings.keys.npm.scope).toBe('@example');
    expect(settings.role.policy).toBe('{"Statement":[]}');
  });
});

describe('unknown fields', () => {
  it.each([
    ['server', 'endpont', 'server.endpoint'],
    ['server', 'Secret', 'server.secret'],
    ['', 'sever', 'server'],
    ['', 'zoom', 'dashboard.zoom'],
    ['', 'bucket', 'keys.s3.bucket'],
    ['keys.npm', 'registery', 'keys.npm.registry'],
    ['role', '__proto__', ''],
  ])('in "%s", %s is answered with the nearest, %s', (group, name, nearest) => {
    const inner: unknown = JSON.parse(`{${JSON.stringify(name)}: 1}`);
    const values = group === '' ? inner : withField(group, inner);
    const { problems } = mergeSettings([user(values)]);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.sentence).toContain(`the nearest is ${nearest}`);
  });

  it('are named on one line, cut short', () => {
    const { problems } = mergeSettings([user({ [`a\nb${'x'.repeat(5000)}`]: 1 })]);
    expect(problems[0]?.sentence).toContain('a?bxxx');
    expect(problems[0]?.sentence.length).toBeLessThan(200);
  });

  it('are counted where there are very many', () => {
    const values = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`field${index}`, index]));
    const { problems } = mergeSettings([user(values)]);
    expect(problems).toHaveLength(51);
    expect(problems.at(-1)?.sentence).toContain('4950 more problems');
  });
});

describe('layers', () => {
  it('are merged weakest first, whatever order they come in', () => {
    const all = LAYER_NAMES.map((layer, index): SettingsLayer => {
      const name = `layer-${layer.replaceAll(' ', '-')}`;
      return { layer, name, values: { role: { sessionName: name }, network: { timeoutSeconds: index + 1 } } };
    });
    for (let strongest = all.length; strongest > 0; strongest--) {
      const { settings, sources } = mergeSettings(all.slice(0, strongest).reverse());
      expect(settings.network.timeoutSeconds).toBe(strongest);
      expect(sources['role.sessionName']?.layer).toBe(LAYER_NAMES[strongest - 1]);
    }
  });

  it('do not hide each other when one value is bad', () => {
    const { settings, problems, sources } = mergeSettings([
      user({ network: { timeoutSeconds: 30, proxy: 'none' }, dashboard: { url: 'nonsense', zoom: 2 } }),
      {
        layer: 'environment',
        name: 'env',
        values: { network: { timeoutSeconds: 'x' } },
        origins: { 'network.timeoutSeconds': 'VIGIL_TIMEOUT_SECONDS' },
      },
    ]);
    expect(settings.network).toEqual({ proxy: 'none', timeoutSeconds: 30 });
    expect(settings.dashboard).toEqual({ zoom: 2, refreshSeconds: 300 });
    expect(problems.map(({ sentence }) => sentence.split(':')[0])).toEqual([
      '/etc/settings.yml',
      'VIGIL_TIMEOUT_SECONDS',
    ]);
    expect(sources['network.timeoutSeconds']?.layer).toBe('user settings');
  });

  it('name the line of a file', () => {
    const { problems } = mergeSettings([{ ...user({ wall: { tray: 'x' } }), lines: { 'wall.tray': 7 } }]);
    expect(problems[0]?.sentence).toBe('/etc/settings.yml, line 7: wall.tray must be true or false.');
  });

  it('let the stronger of two ways to name the secret stand alone', () => {
    const secret = user({ server: { secret: 'name' } });
    const source: SettingsLayer = {
      layer: 'environment',
      name: 'env',
      values: { server: { credentialSource: 'vault,x' } },
    };
    expect(mergeSettings([secret, source]).settings.server).toEqual({ protocol: 'v1', credentialSource: 'vault,x' });
    const both = mergeSettings([user({ server: { secret: 'name', credentialSource: 'vault,x' } })]);
    expect(both.problems[0]?.sentence).toContain('must not stand beside');
  });

  it.each([['a text'], [12], [true], [[1]], [null], [undefined]])('take %o for a whole file', (values) => {
    const { settings, problems } = mergeSettings([user(values)]);
    expect(settings).toEqual(DEFAULT_SETTINGS);
    expect(problems).toHaveLength(values === null || values === undefined ? 0 : 1);
  });

  it('take the $schema of editors, at the top only', () => {
    expect(mergeSettings([user({ $schema: './settings.schema.json' })]).problems).toEqual([]);
    expect(mergeSettings([user({ server: { $schema: 'x' } })]).problems).toHaveLength(1);
  });

  it('take groups without fields', () => {
    expect(mergeSettings([user({ server: null, keys: { npm: null, s3: {} } })]).problems).toEqual([]);
  });

  it('never throw, never build settings that the schema refuses, never touch a prototype', () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withSparseArray: true });
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(anything, fc.constantFrom(...Object.values(GOOD)), fc.webUrl(), fc.string({ unit: 'binary' })),
      group: fc.dictionary(
        fc.constantFrom(
          'server',
          'keys',
          'npm',
          's3',
          'role',
          'tags',
          'endpoints',
          'aws',
          'url',
          '__proto__',
          'version',
        ),
        fc.oneof({ depthSize: 'small' }, tie('value'), tie('group')),
      ),
    })).group;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...LAYER_NAMES), fc.oneof(tree, anything)), { maxLength: 4 }),
        (given) => {
          const merged = mergeSettings(given.map(([layer, values]) => ({ layer, name: `from ${layer}`, values })));
          expect(settingsSchema.safeParse(merged.settings).success).toBe(true);
          for (const { sentence } of merged.problems) {
            expect(sentence).not.toMatch(/[\p{Cc}\p{Cs}]/u);
            expect(sentence.length).toBeLessThan(400);
          }
          expect(Object.keys(Object.prototype)).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('what is shown of a value', () => {
  const shown = (path: string, value: unknown) => shownValue(fieldAt(path) as Field, value);
  it('leaves out secrets and logins', () => {
    expect(FIELDS.filter(({ secret }) => secret).map(({ path }) => path)).toEqual([
      'server.activationCode',
      'keys.npm.token',
      'keys.s3.secretAccessKey',
      'keys.s3.sessionToken',
      'keys.git.token',
      'keys.https.token',
      'health.token',
    ]);
    expect(shown('keys.npm.token', 'abc')).toBe('(hidden)');
    expect(shown('network.proxy', 'http://me:pw@proxy:3128')).toBe('http://(hidden)@proxy:3128/');
    expect(shown('network.proxy', 'system')).toBe('system');
  });
});
