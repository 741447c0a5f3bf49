import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, expect, it } from 'vitest';
import { answer, entropyFile, publicKeyFile } from './testing/keys.ts';

const environment = process.env;
const { readFile } = fs.promises;

afterEach(() => {
  process.env = environment;
  fs.promises.readFile = readFile;
  syncBuiltinESMExports();
});

it('takes neither credentials nor settings from the environment or from files', async () => {
  // Set before the SDK is loaded, which binds the functions then.
  const files: string[] = [];
  fs.promises.readFile = (path: unknown) => {
    files.push(String(path));
    return Promise.reject(new Error('not for the SDK to read'));
  };
  syncBuiltinESMExports();
  const variables = new Set<string>();
  const note = (name: string | symbol): void => {
    if (typeof name === 'string' && /^(AWS|_X_AMZN)/.test(name)) variables.add(name);
  };
  process.env = new Proxy(environment, {
    get: (target, name) => {
      note(name);
      return Reflect.get(target, name) as unknown;
    },
    has: (target, name) => {
      note(name);
      return Reflect.has(target, name);
    },
  });

  const { s3KeySource } = await import('./s3.ts');
  const source = s3KeySource({
    fetch: ({ url }) =>
      Promise.resolve(answer(200, url.includes('.pem') ? publicKeyFile : entropyFile, { etag: '"1"' })),
    bucket: 'keys',
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' },
    timeoutMs: 1000,
  });
  await expect(source.fetch()).resolves.toHaveProperty('fingerprint');
  expect(files).toEqual([]);
  // What is left tells of the runtime, for the user agent, a trace header and a warning, and changes nothing else.
  const harmless = ['AWS_EXECUTION_ENV', '_X_AMZN_TRACE_ID', 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'];
  expect([...variables].filter((name) => !harmless.includes(name) && !name.startsWith('AWS_LAMBDA_'))).toEqual([]);
});
