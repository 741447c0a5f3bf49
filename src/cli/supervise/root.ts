/** The supervisor's folder: where what lies, and what is remembered in it. */
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Remembered } from '../../core/supervisor/state.ts';
import { isVersion } from '../../core/supervisor/version.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { type OnStep, replaceFile } from './disk.ts';

export interface Root {
  readonly folder: string;
  /** Versions that are verified, a folder each. */
  readonly versions: string;
  /** Versions that somebody dropped. */
  readonly incoming: string;
  /** The pointer. */
  readonly pointer: string;
  /** What is nobody else's business, 0700. */
  readonly state: string;
  readonly logs: string;
}

const LONGEST_STATE = 1024 * 1024;
const MOST_REMEMBERED = 200;

export function rootAt(folder: string): Root {
  return {
    folder,
    versions: join(folder, 'versions'),
    incoming: join(folder, 'incoming'),
    pointer: join(folder, 'current'),
    state: join(folder, 'state'),
    logs: join(folder, 'logs'),
  };
}

/**
 * Makes the folders. Rejects with SUPERVISE_FOLDER_UNUSABLE where that cannot be done, or where everybody on the machine could change what is
 * started.
 */
export async function prepareRoot(root: Root, withVersions: boolean): Promise<void> {
  const open = [root.folder, ...(withVersions ? [root.versions] : [])];
  try {
    for (const folder of [...open, ...(withVersions ? [root.incoming] : [])]) {
      await mkdir(folder, { recursive: true, mode: 0o755 });
    }
    for (const folder of [root.state, root.logs]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
    }
  } catch (cause) {
    throw unusable(root.folder, 'cannot be written to', cause);
  }
  // Windows has lists of who may do what instead, and says 0666 or 0444 here.
  if (process.platform === 'win32') return;
  for (const folder of open) {
    const { mode } = await lstat(folder);
    if ((mode & 0o002) !== 0) throw unusable(folder, 'may be written to by everybody on this machine');
  }
}

function unusable(folder: string, flaw: string, cause?: unknown): AppError {
  return new AppError('SUPERVISE_FOLDER_UNUSABLE', `The supervisor's folder ${folder} ${flaw}.`, { cause });
}

const pointerSchema = z.object({
  version: z.string().refine((text) => text === 'installed' || isVersion(text)),
  previous: z.string().optional(),
});

/** The program that the pointer names; undefined where there is none, or only a part of one. */
export async function readPointer(root: Root): Promise<string | undefined> {
  return (await readJson(root.pointer, pointerSchema))?.version;
}

/** Moves the pointer; `previous` is for people who read it. Rejects with the system's error, and then the old one stands. */
export async function writePointer(root: Root, version: string, previous?: string, onStep?: OnStep): Promise<void> {
  const text = JSON.stringify({ version, ...(previous === undefined ? {} : { previous }) });
  await replaceFile(root.pointer, `${text}\n`, onStep);
}

const rememberedSchema = z.record(
  z.string(),
  z.object({
    wasLive: z.boolean(),
    asked: z.boolean(),
    unended: z.int().min(0),
    excused: z.boolean(),
    refused: z.boolean(),
  }),
);

/** What is remembered, by digest; nothing where the file is not there, or damaged. */
export async function readRemembered(root: Root): Promise<Readonly<Record<string, Remembered>>> {
  return (await readJson(join(root.state, 'remembered.json'), rememberedSchema)) ?? {};
}

/** Writes down all that is remembered; of very much the oldest is let go. */
export async function writeRemembered(root: Root, all: Readonly<Record<string, Remembered>>): Promise<void> {
  const kept = Object.fromEntries(Object.entries(all).slice(-MOST_REMEMBERED));
  await replaceFile(join(root.state, 'remembered.json'), `${JSON.stringify(kept)}\n`);
}

const wallSchema = z.object({
  program: z.object({
    id: z.string(),
    kind: z.enum(['version', 'installed', 'command']),
    version: z.string(),
    digest: z.string(),
  }),
  trial: z.object({ fair: z.boolean() }).optional(),
  healthFile: z.string(),
  /** Not known yet while it is being started. */
  pid: z.int().min(1).optional(),
  /** What tells this process from a later one with the same id. */
  identity: z.string().optional(),
});

/** The wall that runs, written down so that the next supervisor finds it should this one be killed. */
export type WallRecord = z.infer<typeof wallSchema>;

export function readWallRecord(root: Root): Promise<WallRecord | undefined> {
  return readJson(join(root.state, 'wall.json'), wallSchema);
}

export async function writeWallRecord(root: Root, record: WallRecord): Promise<void> {
  await replaceFile(join(root.state, 'wall.json'), `${JSON.stringify(record)}\n`);
}

/** A file of ours; undefined where it is not there or not what we would have written. */
async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    const bytes = await createNodeFileStore().read(path, LONGEST_STATE);
    if (bytes === undefined) return undefined;
    const parsed = schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
