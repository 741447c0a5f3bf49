import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeClock } from '../../node/clock.ts';
import { anchorToFile } from '../../server/audit/anchors.ts';
import { createStateAudit } from '../../server/audit/state-audit.ts';
import { openSqliteState } from '../../server/state/sqlite.ts';
import { AUDIT_STREAM, STATE_FILE } from '../../server/data-folder.ts';
import { auditShow, auditVerify } from './audit.ts';

let data = '';
let anchors = '';

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'vigil-audit-'));
  anchors = join(data, 'anchors');
  const clock = createNodeClock();
  const state = await openSqliteState({ file: join(data, STATE_FILE), clock });
  const logger = { log: () => undefined };
  const audit = createStateAudit({
    state,
    clock,
    logger,
    stream: AUDIT_STREAM,
    anchor: anchorToFile(anchors),
    anchorEveryMs: 0,
  });
  for (const caller of ['lobby-1', 'lobby-2', 'lobby-1']) {
    await audit.append({ event: 'credentials', allowed: caller === 'lobby-1', reason: 'ok', caller });
  }
  await audit.close();
  await state.close();
});

afterEach(async () => {
  await rm(data, { recursive: true, force: true });
});

/** What somebody with the data folder in hand would do. */
function inDatabase(sql: string): void {
  const database = new DatabaseSync(join(data, STATE_FILE));
  database.exec(sql);
  database.close();
}

describe('vigil audit', () => {
  it('finds the log as it was written whole', async () => {
    expect(await auditVerify({ data, anchors })).toEqual({
      text: 'main: 3 lines, whole, anchored up to line 3.\n',
      exitCode: 0,
    });
    expect((await auditVerify({ data })).text).toMatch(/no anchor was given, so a cut end would not show/);
  });

  it('tells a changed line, a removed one, a cut end and a log that is gone', async () => {
    inDatabase(`UPDATE item SET value = replace(value, 'lobby-2', 'lobby-9') WHERE kind = 'audit'`);
    expect(await auditVerify({ data, anchors })).toMatchObject({
      exitCode: 1,
      text: expect.stringMatching(/line 2: /) as string,
    });
    inDatabase(`DELETE FROM item WHERE kind = 'audit' AND value LIKE '%lobby-9%'`);
    expect(await auditVerify({ data })).toMatchObject({
      exitCode: 1,
      text: expect.stringMatching(/Lines 2 to 2 are missing/) as string,
    });
    inDatabase(`DELETE FROM item WHERE kind = 'audit'`);
    expect(await auditVerify({ data })).toEqual({ text: 'The audit log is empty.\n', exitCode: 0 });
    expect(await auditVerify({ data, anchors })).toMatchObject({
      exitCode: 1,
      text: expect.stringMatching(/its end was cut off/) as string,
    });
  });

  it('shows the newest lines, of one caller, of refusals only', async () => {
    const callersOf = async (options: object) =>
      (await auditShow({ data, ...options }))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { caller: string }).caller);
    expect(await callersOf({})).toEqual(['lobby-1', 'lobby-2', 'lobby-1']);
    expect(await callersOf({ last: '2' })).toEqual(['lobby-2', 'lobby-1']);
    expect(await callersOf({ caller: 'lobby-2' })).toEqual(['lobby-2']);
    expect(await callersOf({ denied: true })).toEqual(['lobby-2']);
    await expect(auditShow({ data, last: 'many' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('wants one server, and one that is there', async () => {
    await expect(auditShow({})).rejects.toMatchObject({ code: 'USAGE' });
    await expect(auditShow({ data, table: 'x' })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(auditShow({ data: join(data, 'absent') })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(auditVerify({ data, anchors: join(data, 'absent') })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
