import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { fakeClock, fakeFetch, LASTING } from './testing/fakes.ts';

const folder = mkdtempSync(join(tmpdir(), 'vigil-alarms-'));
const config = join(folder, 'config');
const files: string[] = [];

beforeAll(() => {
  // The SDK takes `readFile` from here when it is loaded, which is why this test has a file of its own.
  const promises = createRequire(import.meta.url)('node:fs/promises') as Record<string, (path: unknown) => unknown>;
  const { readFile } = promises;
  promises['readFile'] = (path, ...rest: unknown[]) => {
    files.push(String(path));
    return (readFile as (...all: unknown[]) => unknown)(path, ...rest);
  };
  syncBuiltinESMExports();
  writeFileSync(config, '[default]\nregion = us-west-2\nsdk_ua_app_id = poisoned\nretry_mode = poisoned\n');
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it("asks for alarms by what it is given, not by the environment and the user's AWS files", async () => {
  for (const name of [
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_ENDPOINT_URL',
    'AWS_ENDPOINT_URL_CLOUDWATCH',
    'AWS_USE_FIPS_ENDPOINT',
    'AWS_USE_DUALSTACK_ENDPOINT',
    'AWS_RETRY_MODE',
    'AWS_MAX_ATTEMPTS',
    'AWS_SDK_UA_APP_ID',
  ])
    vi.stubEnv(name, 'poisoned');
  vi.stubEnv('AWS_REGION', 'us-west-2');
  vi.stubEnv('AWS_CONFIG_FILE', config);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', config);
  const { describeAlarms } = await import('./alarms.ts');
  const { fetch, requests } = fakeFetch(() => ({ headers: {}, body: '{}' }));
  files.length = 0;
  const options = { fetch, clock: fakeClock(), credentials: LASTING, timeoutMs: 10_000 };
  await describeAlarms({ ...options, region: 'eu-west-1', prefix: 'a' });
  expect(requests[0]?.url).toBe('https://monitoring.eu-west-1.amazonaws.com/');
  expect(JSON.stringify(requests)).not.toMatch(/poisoned|us-west-2/i);
  expect(files.filter((path) => !path.includes('node_modules'))).toEqual([]);
});
