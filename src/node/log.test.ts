import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { createLog } from './log.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'vigil-log-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function lines(): Record<string, unknown>[] {
  const text = readFileSync(join(folder, 'vigil.log'), 'utf8').trimEnd();
  return text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('writes one JSON object a line, and repeats it where asked', async () => {
    const also: string[] = [];
    const log = createLog({ folder, also: (line) => also.push(line) });
    log.logger.log('info', 'session.live', { role: 'arn:aws:iam::123456789012:role/Wall', lifeMs: 3_600_000 });
    log.logger.log('debug', 'not.written');
    await log.close();
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
        role: 'arn:aws:iam::123456789012:role/Wall',
        lifeMs: 3_600_000,
        event: 'session.live',
      },
    ]);
    expect(also.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['session.live']);
  });

  it('holds no secret, neither a registered one nor what looks like one, at any depth', async () => {
    const log = createLog({ folder });
    log.redactor.add('swordfish-swordfish');
    const cause = new Error('POST with Authorization: Bearer abcdefghijkl failed for swordfish-swordfish');
    log.logger.log('error', 'sign-in.failed', {
      error: new AppError('STS_UNAVAILABLE', 'AWS is down.', { cause }),
      nested: { deeper: [{ secretAccessKey: 'abc/def/ghi' }] },
      encoded: Buffer.from('..swordfish-swordfish').toString('base64'),
    });
    await log.close();
    const text = readFileSync(join(folder, 'vigil.log'), 'utf8');
    for (const secret of ['swordfish', 'abcdefghijkl', 'abc/def', 'c3dvcmRmaXNo', '3b3JkZmlz'])
      expect(text).not.toContain(secret);
    expect(lines()[0]).toMatchObject({
      error: { code: 'STS_UNAVAILABLE', message: 'AWS is down.', cause: { name: 'Error' } },
    });
  });

  it('survives fields that cannot be written, and cuts what is too long', async () => {
    const log = createLog({ folder });
    const loop: Record<string, unknown> = { bytes: new Uint8Array(3), big: 7n };
    loop['self'] = loop;
    log.logger.log('info', 'loop', loop);
    log.logger.log('info', 'getter', {
      get broken(): string {
        throw new Error('no');
      },
    });
    log.logger.log('info', 'long', { text: '\u0001é'.repeat(300_000) });
    await log.close();
    expect(lines().map((line) => line['event'])).toEqual(['loop', 'log.field-unreadable', 'log.line-cut']);
    expect(lines()[0]).toMatchObject({ bytes: '[3 bytes]', big: '7' });
  });

  it('never grows beyond its files, restarts and a smaller setting included', async () => {
    const total = (): number => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    for (let run = 0; run < 6; run++) {
      const log = createLog({ folder, maxBytes: 4096, maxFiles: 4 });
      for (let i = 0; i < 40; i++) log.logger.log('info', 'tick', { run, i, text: 'x'.repeat(i * 10) });
      await log.close();
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(4096);
      expect(total()).toBeLessThanOrEqual(4 * 4096);
    }
    expect(readdirSync(folder).sort()).toEqual(['vigil.log', 'vigil.log.1', 'vigil.log.2', 'vigil.log.3']);
    await createLog({ folder, maxBytes: 4096, maxFiles: 2 }).close();
    expect(readdirSync(folder).sort()).toEqual(['vigil.log', 'vigil.log.1']);
  });

  it('goes to the fallback while its folder is unusable, loses nothing, and comes back', async () => {
    const blocked = join(folder, 'logs');
    writeFileSync(blocked, 'a file where the folder should be');
    const fallback: string[] = [];
    const log = createLog({ folder: blocked, fallback: (line) => fallback.push(line), retryMs: 0 });
    log.logger.log('info', 'one');
    await expect.poll(() => fallback.length).toBe(1);
    log.logger.log('info', 'two');
    await expect.poll(() => fallback.length).toBe(2);
    rmSync(blocked);
    log.logger.log('info', 'three');
    await log.close();
    expect(fallback.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['one', 'two']);
    expect(readFileSync(join(blocked, 'vigil.log'), 'utf8')).toContain('three');
  });

  it('goes to the fallback when the file itself cannot be opened', async () => {
    mkdirSync(join(folder, 'vigil.log'));
    const fallback: string[] = [];
    const log = createLog({ folder, fallback: (line) => fallback.push(line), retryMs: 0 });
    for (const event of ['one', 'two', 'three']) log.logger.log('info', event);
    await expect.poll(() => fallback.length).toBe(3);
    log.logger.log('info', 'four');
    await expect.poll(() => fallback.length).toBe(4);
    await log.close();
  });
});
