import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createDurationMemory } from './duration-memory.ts';
import { assumeRoleXml, fakeClock, fakeFetch, LASTING, ROLE } from './testing/fakes.ts';

const folder = mkdtempSync(join(tmpdir(), 'vigil-aws-'));
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

it("looks neither at the environment nor at the user's AWS files", async () => {
  for (const [name, value] of Object.entries({
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: config,
    AWS_ACCESS_KEY_ID: 'AKIAPOISONED',
    AWS_SECRET_ACCESS_KEY: 'poisoned',
    AWS_SESSION_TOKEN: 'poisoned',
    AWS_REGION: 'us-west-2',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1',
    AWS_USE_FIPS_ENDPOINT: 'poisoned',
    AWS_USE_DUALSTACK_ENDPOINT: 'poisoned',
    AWS_RETRY_MODE: 'poisoned',
    AWS_MAX_ATTEMPTS: 'poisoned',
    AWS_SDK_UA_APP_ID: 'poisoned',
  }))
    vi.stubEnv(name, value);
  const { assumeRole } = await import('./assume-role.ts');
  const clock = fakeClock();
  const { fetch, requests } = fakeFetch(() => assumeRoleXml());
  files.length = 0;
  await assumeRole({
    fetch,
    clock,
    credentials: LASTING,
    role: { arn: ROLE, sessionName: 'vigil' },
    region: 'eu-west-1',
    timeoutMs: 10_000,
    memory: createDurationMemory(clock),
    logger: { log: () => undefined },
    clockOffset: { ms: 0 },
  });
  expect(requests[0]?.url).toBe('https://sts.eu-west-1.amazonaws.com/');
  expect(JSON.stringify(requests)).not.toMatch(/poisoned/i);
  expect(files.filter((path) => !path.includes('node_modules'))).toEqual([]);
});
