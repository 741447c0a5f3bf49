import { hostname } from 'node:os';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { StateStore } from '../state/state-store.ts';

const progressSchema = z.strictObject({
  /**
   * `creating`: a new key may exist. `pending`: it is kept beside the secret. `overlap`: clients get the new key, and the old
   * one works. `inactive`: the old one does not work any more. `done`: it is gone.
   */
  step: z.enum(['creating', 'pending', 'overlap', 'inactive', 'done']),
  userArn: z.string(),
  oldKey: z.string(),
  /** Every key that the user had before; whatever comes besides is of this rotation. */
  known: z.array(z.string()),
  /** The version of the secret that the new key is kept as. */
  version: z.string(),
  newKey: z.string().exactOptional(),
  startedAt: z.number(),
  /** When the next step may be taken, in ms since the epoch. */
  until: z.number().exactOptional(),
});

/** How far the rotation of one secret has come. No secret. */
export type RotationProgress = z.infer<typeof progressSchema>;

const claimSchema = z.strictObject({ host: z.string(), pid: z.number(), until: z.number() });
const entrySchema = z.strictObject({ progress: progressSchema, claim: claimSchema.nullable() });

/** Who works on it: another process of this machine that has ended, or whose time is over, works on it no more. */
const CLAIM_MS = 5 * 60_000;

export interface Journal {
  progress(): RotationProgress | undefined;
  /** Durable when it resolves. Rejects with STORE_REFUSED where another process has taken over, and STATE_*. */
  save(progress: RotationProgress): Promise<void>;
  /** Lets others go on at once. */
  release(): Promise<void>;
}

export function journalKey(store: string, id: string): string {
  return `secret-rotation/${store}/${id}`;
}

/**
 * The journal of one secret's rotation, in the server's state, claimed for this process: every entry is a write that names
 * the one before, so that two processes never both go on. Rejects with STORE_REFUSED while another one works on it.
 */
export async function openJournal(state: StateStore, clock: Clock, key: string): Promise<Journal> {
  const item = await state.get('meta', key);
  const entry = item === undefined ? undefined : read(item.value);
  let version = item?.version ?? 0;
  let current = entry?.progress;
  const claim = entry?.claim;
  if (claim != null && clock.now() < claim.until && !hasEnded(claim)) {
    throw new AppError(
      'STORE_REFUSED',
      `This secret is being rotated by process ${claim.pid} on ${claim.host}: wait for it.`,
    );
  }

  async function write(progress: RotationProgress, isClaimed: boolean): Promise<void> {
    const own = isClaimed ? { host: hostname(), pid: process.pid, until: clock.now() + CLAIM_MS } : null;
    if (!(await state.put('meta', key, { progress, claim: own }, version))) {
      throw new AppError('STORE_REFUSED', 'Another process has taken this rotation over: let it finish.');
    }
    version += 1;
    current = progress;
  }

  if (current !== undefined) await write(current, true);
  return {
    progress: () => current,
    save: (progress) => write(progress, true),
    async release() {
      if (current !== undefined) await write(current, false);
    },
  };
}

/** Where a rotation stands, without taking part in it. */
export async function readProgress(state: StateStore, key: string): Promise<RotationProgress | undefined> {
  const item = await state.get('meta', key);
  return item === undefined ? undefined : read(item.value).progress;
}

/** Forgets a rotation that nobody can finish. */
export async function forgetRotation(state: StateStore, key: string): Promise<boolean> {
  const item = await state.get('meta', key);
  return item !== undefined && (await state.remove('meta', key, item.version));
}

function read(value: unknown): z.infer<typeof entrySchema> {
  const { success, data, error } = entrySchema.safeParse(value);
  if (success) return data;
  throw new AppError('STATE_CORRUPT', 'The journal of a rotation makes no sense: restore the state from a backup.', {
    cause: error,
  });
}

function hasEnded({ host, pid }: z.infer<typeof claimSchema>): boolean {
  if (host !== hostname()) return false;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
