/** The function as it is deployed: one file, in a folder with nothing else in it. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { buildLambda } from '../../../scripts/build.mjs';
import { pinnedNode } from '../../cli/supervise/testing/stage.ts';
import type { GatewayResult } from './event.ts';
import { recordedEvent } from './testing/gateway.ts';

// Generous: it is bundled first.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-lambda-bundle-'));
  await buildLambda(folder);
});
afterAll(() => rm(folder, { recursive: true }));

it('needs no node_modules, exports what template.yaml names, and refuses without its settings', async () => {
  expect(await readdir(folder)).toEqual(['index.mjs']);
  const program = `
    const started = await import('./index.mjs');
    const result = await started.handler(JSON.parse(process.argv.at(-1)));
    process.stderr.write(JSON.stringify({ names: Object.keys(started), result }));`;
  const event = JSON.stringify(recordedEvent('http-api-verify'));
  const { stdout, stderr } = await promisify(execFile)(
    pinnedNode,
    ['--input-type=module', '-e', program, '--', event],
    {
      cwd: folder,
      env: {},
    },
  );
  const { names, result } = JSON.parse(stderr) as { names: string[]; result: GatewayResult };
  expect(names.sort()).toEqual(['handler', 'rotate']);
  expect(result).toEqual({
    statusCode: 404,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: '{"message":"not found"}',
    isBase64Encoded: false,
  });
  expect(JSON.parse(stdout)).toMatchObject({ event: 'server.failed', code: 'SETTINGS_MISSING' });
});
