import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseWorld } from './world-file.ts';

const WORLD = {
  regions: ['eu-west-1', 'us-east-1'],
  accounts: {
    '111122223333': {
      alias: 'harbour',
      roles: { Wall: {}, Night: { maxSessionDurationSeconds: 7200 } },
      dashboards: [{ name: 'Operations' }, { name: 'Night shift', roles: ['Night'] }],
      alarms: [{ name: 'cranes', state: 'ALARM' }],
    },
    '444455556666': { roles: { Wall: {} }, dashboards: [{ name: 'Operations' }] },
  },
};

describe('parseWorld', () => {
  it('turns accounts into options of the stand-in', () => {
    expect(parseWorld(JSON.stringify(WORLD))).toEqual({
      account: '111122223333',
      regions: ['eu-west-1', 'us-east-1'],
      roles: {
        'arn:aws:iam::111122223333:role/Wall': { maxSessionDurationSeconds: 3600 },
        'arn:aws:iam::111122223333:role/Night': { maxSessionDurationSeconds: 7200 },
        'arn:aws:iam::444455556666:role/Wall': { maxSessionDurationSeconds: 3600 },
      },
      accounts: {
        '111122223333': {
          alias: 'harbour',
          dashboards: [{ name: 'Operations' }, { name: 'Night shift', roles: ['Night'] }],
          alarms: [{ name: 'cranes', state: 'ALARM' }],
        },
        '444455556666': { dashboards: [{ name: 'Operations' }], alarms: [] },
      },
    });
  });

  it.each([
    ['{', /not JSON/],
    ['{}', /accounts/],
    ['{"accounts":{}}', /no role/],
    ['{"accounts":{"1":{"roles":{"Wall":{}}}}}', /accounts\.1:/],
    ['{"accounts":{"111122223333":{"roles":{"Wall":{"max":1}}}}}', /accounts\.111122223333\.roles\.Wall/],
  ])('says where a world is wrong: %s', (text, complaint) => {
    expect(() => parseWorld(text)).toThrow(complaint);
  });
});

describe('the command', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'standin-world-'));
    await writeFile(join(dir, 'world.json'), JSON.stringify(WORLD));
  });
  afterAll(() => rm(dir, { recursive: true }));

  const run = (...args: string[]) => {
    const main = new URL('./main.ts', import.meta.url).pathname;
    const node = new URL('../../node_modules/.bin/node', import.meta.url).pathname;
    return spawn(node, [main, '--keys-dir', join(dir, 'keys'), '--stdin-end', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  };

  it('serves the world of a file', async () => {
    const child = run('--world', join(dir, 'world.json'));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let line = '';
    for await (line of createInterface({ input: child.stdout })) break;
    const { env, world } = JSON.parse(line) as {
      env: Record<string, string>;
      world: { roles: string[]; dashboards: { account: string; name: string; id: number; url: string }[] };
    };
    expect(env['ASSUME_ROLE_ARN']).toBe('arn:aws:iam::111122223333:role/Wall');
    expect(env['VISIT_URL']).toMatch(/\/cloudwatch\/home\?region=eu-west-1#dashboards:name=Operations$/);
    expect(world.roles).toHaveLength(3);
    expect(world.dashboards.map(({ account, name }) => [account, name])).toEqual([
      ['111122223333', 'Operations'],
      ['111122223333', 'Night shift'],
      ['444455556666', 'Operations'],
    ]);
    expect(new Set(world.dashboards.map(({ id }) => id)).size).toBe(3);
    expect(world.dashboards[1]?.url).toMatch(/#dashboards:name=Night%20shift$/);
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  it('says in one line what is wrong with its arguments', async () => {
    for (const args of [
      ['--world', join(dir, 'absent.json')],
      ['--world', join(dir, 'world.json'), '--dashboard', 'Main'],
    ]) {
      const child = run(...args);
      let complaint = '';
      child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(2);
      expect(complaint.split('\n')[0]).toMatch(/^standin: --(world|dashboard)/);
      expect(complaint).not.toMatch(/\n\s+at /);
    }
  });
});
