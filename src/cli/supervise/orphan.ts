/** What a wall is told by its environment, and how one is found again whose supervisor was killed. */
import { HEALTH_FILE_VARIABLE } from '../../core/health/supervised.ts';
import { askWall, readWhere } from './health.ts';
import { findByEnvironment, identityOf } from './processes.ts';
import { type Root, type WallRecord, readWallRecord } from './root.ts';

/** The environment of a wall. */
export function wallEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  told: { readonly healthFile: string; readonly restarts: number; readonly lastEnd: string; readonly holdMs: number },
): Readonly<Record<string, string | undefined>> {
  return {
    ...inherited,
    // It would make a plain Node of the wall.
    ELECTRON_RUN_AS_NODE: undefined,
    [HEALTH_FILE_VARIABLE]: told.healthFile,
    VIGIL_SUPERVISED: '1',
    VIGIL_RESTARTS: String(told.restarts),
    VIGIL_LAST_END: told.lastEnd,
    VIGIL_HOLD_MS: String(Math.round(told.holdMs)),
  };
}

export interface FoundWall extends WallRecord {
  readonly pid: number;
  readonly identity: string;
}

/**
 * The wall that an earlier supervisor left behind, if it still lives. A process whose id is the same but that began at another time is not
 * it; where the system does not say when a process began, only one that answers with the wall's token is.
 */
export async function findOrphan(root: Root, answerMs: number): Promise<FoundWall | undefined> {
  const record = await readWallRecord(root);
  if (record === undefined) return undefined;
  const where = await readWhere(record.healthFile);
  const found = record.pid ?? findByEnvironment(HEALTH_FILE_VARIABLE, record.healthFile);
  const pid = found ?? where?.pid;
  const identity = pid === undefined ? undefined : await identityOf(pid);
  if (pid === undefined || identity === undefined) return undefined;
  if (record.identity !== undefined && record.identity !== identity) return undefined;
  const isCertain = found !== undefined && identity !== 'unknown';
  if (!isCertain && (where === undefined || (await askWall(where, answerMs)).kind === 'silent')) return undefined;
  return { ...record, pid, identity };
}
