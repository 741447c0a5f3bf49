import { createHash, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { makeOwnFolder, readOwnerOnly, removeDurably, replaceDurably } from '../../node/durable-file.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import type { Sealer } from '../seal/sealer.ts';
import { isId } from './source.ts';

/** A version of a secret without its text. The stages are those of Secrets Manager. */
export interface VersionInfo {
  readonly version: string;
  readonly stage: 'AWSCURRENT' | 'AWSPENDING' | 'AWSPREVIOUS';
  /** ms since the epoch. */
  readonly createdAt: number;
}

export interface SecretInfo {
  readonly id: string;
  readonly versions: readonly VersionInfo[];
}

/** A text of a secret; `version` makes writing it again harmless. */
export interface SecretVersion {
  readonly version: string;
  readonly text: string;
}

/** Secrets in one folder, each encrypted in a file of its own, with at most three versions. One process writes at a time. */
export interface SecretFolder {
  /** The text of a version, or of the one at a stage (default AWSCURRENT); undefined where there is none. */
  read(id: string, which?: { readonly version?: string; readonly stage?: string }): Promise<SecretVersion | undefined>;
  list(): Promise<readonly SecretInfo[]>;
  /** Writes a version to a stage: AWSCURRENT makes the one before AWSPREVIOUS. A version that is there already only moves. */
  write(id: string, secret: SecretVersion, stage: 'AWSCURRENT' | 'AWSPENDING', now: number): Promise<void>;
  /** Removes the pending version, or all of them. */
  drop(id: string, what: 'pending' | 'all'): Promise<void>;
}

const versionSchema = z.strictObject({
  version: z.string().max(64),
  stage: z.enum(['AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS']),
  createdAt: z.number(),
  sealed: z.base64url(),
});
const fileSchema = z.strictObject({ format: z.literal(1), id: z.string(), versions: z.array(versionSchema).max(3) });
type SecretFile = z.infer<typeof fileSchema>;
type KeptVersion = SecretFile['versions'][number];

const LONGEST_FILE = 1024 * 1024;
const LONGEST_SECRET = 65_536;
const FILE = /^[0-9a-f]{64}\.json$/;

/**
 * The secrets under `DATA/secrets`. Names and times are in the clear; texts are sealed for their name and version. Each
 * change replaces one file durably. Rejects with STORE_ANSWER_UNREADABLE for a file that is damaged, and STORE_UNAVAILABLE
 * where the disk does not do its work.
 */
export function openSecretFolder(folder: string, sealer: Sealer): SecretFolder {
  const files = createNodeFileStore();
  const pathOf = (id: string) => join(folder, `${createHash('sha256').update(id).digest('hex')}.json`);
  const opened = new Map<string, { readonly stamp: string; readonly texts: ReadonlyMap<string, string> }>();

  async function load(id: string): Promise<SecretFile | undefined> {
    const path = pathOf(id);
    if ((await onDisk(() => files.stamp(path))) === undefined) return undefined;
    const file = await readFile(path);
    if (file.id !== id) throw unreadable(id);
    return file;
  }

  async function save(file: SecretFile): Promise<void> {
    await onDisk(async () => {
      await makeOwnFolder(folder);
      await replaceDurably(pathOf(file.id), `${JSON.stringify(file, null, 2)}\n`);
    });
    opened.delete(file.id);
  }

  /** The text of one version; kept in memory while its file stays, since the key may be far away. */
  async function textOf(id: string, kept: KeptVersion, stamp: string | undefined): Promise<string> {
    const known = opened.get(id);
    const same = known !== undefined && known.stamp === stamp ? known.texts : new Map<string, string>();
    const text =
      same.get(kept.version) ??
      new TextDecoder().decode(await sealer.open(purposeOf(id, kept.version), Buffer.from(kept.sealed, 'base64url')));
    if (stamp !== undefined) opened.set(id, { stamp, texts: new Map([...same, [kept.version, text]]) });
    return text;
  }

  return {
    async read(id, { version, stage } = {}) {
      const stamp = await onDisk(() => files.stamp(pathOf(id)));
      const file = await load(id);
      const kept = file?.versions.find((one) =>
        version === undefined ? one.stage === (stage ?? 'AWSCURRENT') : one.version === version,
      );
      if (kept === undefined) return undefined;
      return { version: kept.version, text: await textOf(id, kept, stamp) };
    },
    async list() {
      const names = await onDisk(() => readdir(folder).catch(() => []));
      const found = await Promise.all(
        names.filter((name) => FILE.test(name)).map((name) => readFile(join(folder, name))),
      );
      return found
        .map(({ id, versions }) => ({
          id,
          versions: versions.map(({ version, stage, createdAt }) => ({ version, stage, createdAt })),
        }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    async write(id, { version, text }, stage, now) {
      if (!isId(id)) throw new AppError('USAGE', `${JSON.stringify(id.slice(0, 60))} is no name for a secret.`);
      if (text === '' || text.length > LONGEST_SECRET) {
        throw new AppError('USAGE', 'A secret must have 1 to 65536 characters.');
      }
      const before = (await load(id))?.versions ?? [];
      const sealed = await sealer.seal(purposeOf(id, version), new TextEncoder().encode(text));
      const known = before.find((one) => one.version === version);
      if (known?.stage === stage) return;
      const createdAt = known?.createdAt ?? now;
      const own: KeptVersion = { version, stage, createdAt, sealed: Buffer.from(sealed).toString('base64url') };
      const others = before.filter((one) => one.version !== version && one.stage !== stage);
      const current = before.find((one) => one.stage === 'AWSCURRENT' && one.version !== version);
      const versions =
        stage === 'AWSPENDING' || current === undefined
          ? [...others, own]
          : [own, { ...current, stage: 'AWSPREVIOUS' as const }, ...others.filter((one) => one.stage === 'AWSPENDING')];
      await save({ format: 1, id, versions });
    },
    async drop(id, what) {
      const file = await load(id);
      if (file === undefined) return;
      if (what === 'pending') {
        await save({ ...file, versions: file.versions.filter(({ stage }) => stage !== 'AWSPENDING') });
      } else {
        await onDisk(() => removeDurably(pathOf(id)));
        opened.delete(id);
      }
    },
  };
}

/** A name for a new version. */
export function newVersion(): string {
  return randomUUID();
}

function purposeOf(id: string, version: string): string {
  return `secret ${id} ${version}`;
}

async function readFile(path: string): Promise<SecretFile> {
  const options = { what: 'The secret', maxBytes: LONGEST_FILE, code: 'STORE_UNAVAILABLE' } as const;
  const bytes = await readOwnerOnly(path, options);
  try {
    return fileSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw unreadable(path);
  }
}

function unreadable(what: string): AppError {
  return new AppError('STORE_ANSWER_UNREADABLE', `The file of the secret ${what} is damaged: put the secret again.`);
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    const sentence = `The folder of secrets cannot be read or written${code}: check its disk and permissions.`;
    throw new AppError('STORE_UNAVAILABLE', sentence, { cause });
  }
}
