import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentLayer, VARIABLES, variableOf } from './environment.ts';
import { fieldAt } from './fields.ts';
import { mergeSettings } from './layers.ts';
import { credentialSourceOf, keySourceOf, missingFields, missingProblem } from './requirements.ts';

const settingsFrom = (variables: Record<string, string>) => mergeSettings([environmentLayer(variables)]);

describe('the environment', () => {
  it("takes the reference client's variables as they are", () => {
    const { settings, problems } = settingsFrom({
      AUTO_ID_API_ENDPOINT: 'https://abc.execute-api.us-east-1.amazonaws.com',
      AUTO_ID_SECRET_NAME: 'wall',
      ASSUME_ROLE_ARN: 'arn:aws:iam::123456789012:role/Wall',
      ASSUME_ROLE_SESSION_NAME: 'wall-1',
      VISIT_URL: 'https://console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards:name=Main',
      NPM_SCOPE: 'example',
      NPM_TOKEN: 'token',
      AUTO_ID_BUCKET: 'keys-of-example',
      ENTROPY_ACCESS_ID: 'AKIAIOSFODNN7EXAMPLE',
      ENTROPY_SECRET_KEY: 'secret',
      PATH: '/bin',
    });
    expect(problems).toEqual([]);
    expect(credentialSourceOf(settings)).toBe('secretsmanager,wall');
    expect(settings.keys.npm).toEqual({ scope: '@example', package: 'auto-id-keys', token: 'token' });
    expect(settings.keys.s3.bucket).toBe('keys-of-example');
    expect(settings.role).toMatchObject({ sessionName: 'wall-1', arn: 'arn:aws:iam::123456789012:role/Wall' });
  });

  it.each(['"wall"', " 'wall' ", 'wall \r', '" wall"'])('takes %j, as batch and env files leave it', (text) => {
    expect(settingsFrom({ AUTO_ID_SECRET_NAME: text }).settings.server.secret).toBe('wall');
  });

  it.each(['', '  ', '""', "''"])('takes %j for not set', (text) => {
    const { settings, problems } = settingsFrom({ AUTO_ID_SECRET_NAME: text });
    expect(problems).toEqual([]);
    expect(settings.server.secret).toBeUndefined();
  });

  it('prefers AWS_REGION to AWS_DEFAULT_REGION', () => {
    const both = settingsFrom({ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'us-east-1' });
    expect(both.settings.aws.region).toBe('eu-west-1');
    expect(both.sources['aws.region']).toEqual({ layer: 'environment', name: 'AWS_REGION' });
    expect(settingsFrom({ AWS_DEFAULT_REGION: 'us-east-1' }).settings.aws.region).toBe('us-east-1');
  });

  it.each([
    ['1', true],
    ['Yes', true],
    ['off', false],
    ['FALSE', false],
  ])('reads %s as a switch', (text, value) => {
    expect(settingsFrom({ VIGIL_WINDOWED: text }).settings.wall.windowed).toBe(value);
  });

  it.each([
    ['VIGIL_WINDOWED', 'perhaps'],
    ['VIGIL_TIMEOUT_SECONDS', '20s'],
    ['VIGIL_TIMEOUT_SECONDS', '0x10'],
    ['VIGIL_TIMEOUT_SECONDS', '1e2'],
    ['VIGIL_ZOOM', 'NaN'],
    ['VISIT_URL', 'javascript:alert(1)'],
    ['ASSUME_ROLE_ARN', 'Wall'],
  ])('names %s when it says %j', (name, text) => {
    const { problems } = settingsFrom({ [name]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.sentence.startsWith(`${name}: `)).toBe(true);
  });

  it('maps every variable to a field that there is', () => {
    for (const { path } of VARIABLES) expect(fieldAt(path)?.path).toBe(path);
    expect(new Set(VARIABLES.map(({ name }) => name)).size).toBe(VARIABLES.length);
    expect(variableOf('aws.region')).toBe('AWS_REGION');
  });

  it('never throws', () => {
    const names = fc.constantFrom(...VARIABLES.map(({ name }) => name), '__proto__', 'constructor');
    fc.assert(
      fc.property(fc.dictionary(names, fc.string({ unit: 'binary', maxLength: 40 })), (variables) => {
        for (const { sentence } of mergeSettings([environmentLayer(variables)]).problems) {
          expect(sentence).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('what a job needs', () => {
  const complete = {
    AUTO_ID_API_ENDPOINT: 'https://example.com',
    AUTO_ID_SECRET_NAME: 'wall',
    ASSUME_ROLE_ARN: 'arn:aws:iam::123456789012:role/Wall',
    VISIT_URL: 'https://console.aws.amazon.com/',
    AUTO_ID_KEYS_DIR: '/keys',
  };

  it('is all there with the reference client’s variables', () => {
    expect(missingProblem(settingsFrom(complete).settings, 'login-url')).toBeUndefined();
    expect(missingProblem(settingsFrom(complete).settings, 'wall')).toBeUndefined();
  });

  it.each(
    Object.entries({
      AUTO_ID_API_ENDPOINT: 'server.endpoint',
      AUTO_ID_SECRET_NAME: 'server.secret',
      ASSUME_ROLE_ARN: 'role.arn',
      VISIT_URL: 'dashboard.url',
      AUTO_ID_KEYS_DIR: 'keys.directory',
    }),
  )('names %s and %s', (variable, path) => {
    const problem = missingProblem(settingsFrom({ ...complete, [variable]: '' }).settings, 'login-url');
    expect(problem).toMatchObject({ code: 'SETTINGS_MISSING', path });
    expect(problem?.sentence).toContain(`${path} (${variable})`);
  });

  it('is told all at once', () => {
    const sentence = missingProblem(settingsFrom({}).settings, 'wall')?.sentence;
    for (const name of ['AUTO_ID_KEYS_DIR', 'NPM_SCOPE', 'AUTO_ID_BUCKET', 'AUTO_ID_API_ENDPOINT', 'VISIT_URL']) {
      expect(sentence).toContain(name);
    }
  });

  it('does not include the role for credentials', () => {
    const rest = { ...complete, ASSUME_ROLE_ARN: '', VISIT_URL: '' };
    expect(missingFields(settingsFrom(rest).settings, 'credentials')).toEqual([]);
  });

  it('includes all of the key source that is meant', () => {
    expect(missingFields(settingsFrom({ AUTO_ID_BUCKET: 'keys-of-example' }).settings, 'keys')).toEqual([
      'keys.s3.accessKeyId',
      'keys.s3.secretAccessKey',
    ]);
    expect(missingFields(settingsFrom({ NPM_SCOPE: 'x' }).settings, 'keys')).toEqual(['keys.npm.registry']);
    expect(missingFields(settingsFrom({ VIGIL_KEYS_SOURCE: 'directory' }).settings, 'keys')).toEqual([
      'keys.directory',
    ]);
  });

  it('prefers directory, then npm, then S3, unless one is named', () => {
    const all = { AUTO_ID_BUCKET: 'keys-of-example', NPM_SCOPE: 'x', AUTO_ID_KEYS_DIR: '/keys' };
    expect(keySourceOf(settingsFrom(all).settings)).toBe('directory');
    expect(keySourceOf(settingsFrom({ ...all, AUTO_ID_KEYS_DIR: '' }).settings)).toBe('npm');
    expect(keySourceOf(settingsFrom({ AUTO_ID_BUCKET: 'keys-of-example' }).settings)).toBe('s3');
    expect(keySourceOf(settingsFrom({ ...all, VIGIL_KEYS_SOURCE: 's3' }).settings)).toBe('s3');
    expect(keySourceOf(settingsFrom({}).settings)).toBeUndefined();
  });
});
