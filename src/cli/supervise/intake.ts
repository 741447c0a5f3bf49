/**
 * Takes versions out of incoming/: copies what the manifest lists, and nothing else, into versions/, comparing every byte on the way. A kill or
 * a power cut at any step leaves either no version or a whole one, and the original is removed only after that.
 */
import { type FileHandle, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { MANIFEST_FILE, SIGNATURE_FILE } from '../../core/supervisor/manifest.ts';
import { compareVersions } from '../../core/supervisor/version.ts';
import { type OnStep, syncFolder } from './disk.ts';
import type { Root } from './root.ts';
import {
  type SignedManifest,
  judgeContent,
  readSignedManifest,
  readThrough,
  refused,
  verifyFiles,
  verifyListing,
} from './verify.ts';

/** Names in versions/ that begin like this are drafts and leftovers of ours, never versions. */
export const DRAFT_PREFIX = '.draft-';

export interface IntakeRules {
  readonly keys: readonly KeyObject[];
  /** `linux-x64` and the like. */
  readonly platform: string;
  /** Number of the version that runs; nothing lower is taken unless downgrades are allowed. */
  readonly current: string | undefined;
  readonly allowDowngrade: boolean;
  /** Whether a version's files are in use; they are not exchanged then. */
  readonly isInUse: (version: string) => boolean;
  readonly onStep?: OnStep;
}

export interface Taken {
  readonly version: string;
  readonly digest: string;
  /** Removes the original from incoming/. */
  readonly discard: () => Promise<void>;
}

/**
 * Takes one folder of incoming/. Rejects with SUPERVISE_FILES_INCOMPLETE while it is not there as a whole, with another SUPERVISE code
 * where it is refused for good, or with the system's error. It stays in incoming/ then.
 */
export async function takeIn(root: Root, name: string, rules: IntakeRules): Promise<Taken> {
  const { onStep } = rules;
  const source = join(root.incoming, name);
  const signed = await readSignedManifest(source, rules.keys, rules.platform);
  const { manifest, digest } = signed;
  const { version } = manifest;
  if (rules.current !== undefined && compareVersions(version, rules.current) < 0 && !rules.allowDowngrade) {
    throw refused('SUPERVISE_DOWNGRADE', `${source} is version ${version}, and ${rules.current} runs already`);
  }
  const target = join(root.versions, version);
  const taken: Taken = {
    version,
    digest,
    discard: async () => {
      onStep?.('discard', source);
      await rm(source, { recursive: true, force: true });
      await syncFolder(root.incoming);
    },
  };
  if (await isThere(target, digest, rules)) return taken;
  refuseInUse();
  await verifyListing(source, manifest);
  const draft = join(root.versions, `${DRAFT_PREFIX}${version}`);
  onStep?.('clear', draft);
  await rm(draft, { recursive: true, force: true });
  try {
    await copy(source, draft, signed, onStep);
  } catch (error) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  // What was there under this name is not that version: it is damaged, or was condemned.
  const old = join(root.versions, `${DRAFT_PREFIX}old-${version}`);
  await rm(old, { recursive: true, force: true });
  onStep?.('move-away', target);
  refuseInUse();
  await rename(target, old).catch(unlessMissing);
  onStep?.('move-in', target);
  await rename(draft, target);
  onStep?.('sync-folder', root.versions);
  await syncFolder(root.versions);
  await rm(old, { recursive: true, force: true });
  return taken;

  function refuseInUse(): void {
    if (!rules.isInUse(version)) return;
    throw refused('SUPERVISE_VERSION_TAKEN', `${source} differs from the version ${version} that runs`);
  }
}

/** Whether a version is there already, whole and with the same manifest. */
async function isThere(folder: string, digest: string, { keys, platform }: IntakeRules): Promise<boolean> {
  try {
    const there = await readSignedManifest(folder, keys, platform);
    if (there.digest !== digest) return false;
    await verifyFiles(folder, there.manifest, true);
    return true;
  } catch {
    return false;
  }
}

async function copy(source: string, draft: string, signed: SignedManifest, onStep?: OnStep): Promise<void> {
  const { manifest, bytes, signature } = signed;
  const folders = new Set([draft]);
  const makeFolderOf = async (path: string): Promise<void> => {
    const folder = dirname(path);
    if (folders.has(folder)) return;
    await mkdir(folder, { recursive: true, mode: 0o755 });
    for (let above = folder; !folders.has(above); above = dirname(above)) folders.add(above);
  };
  onStep?.('mkdir', draft);
  await mkdir(draft, { mode: 0o755 });
  for (const file of manifest.files) {
    const path = join(draft, file.path);
    await makeFolderOf(path);
    const read = await writeNew(path, file.executable === true ? 0o755 : 0o644, onStep, (write) =>
      readThrough(join(source, file.path), write),
    );
    judgeContent(join(source, file.path), file, read.size, read.sha256);
  }
  for (const { path, target } of manifest.links) {
    await makeFolderOf(join(draft, path));
    onStep?.('link', join(draft, path));
    await symlink(target, join(draft, path));
  }
  // Last: without it the draft is nothing, whatever became of the rest.
  for (const [name, content] of [
    [SIGNATURE_FILE, Buffer.from(signature, 'latin1')],
    [MANIFEST_FILE, bytes],
  ] as const) {
    await writeNew(join(draft, name), 0o644, onStep, (write) => write(content));
  }
  for (const folder of folders) await syncFolder(folder);
  await verifyListing(draft, manifest);
}

/** Writes a new file and makes it outlast a power cut. */
async function writeNew<T>(
  path: string,
  mode: number,
  onStep: OnStep | undefined,
  fill: (write: (piece: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  onStep?.('draft', path);
  const handle = await open(path, 'wx', mode);
  try {
    const result = await fill((piece) => writeAll(handle, piece));
    // Whatever umask says: the account that runs the wall may be another.
    await handle.chmod(mode);
    onStep?.('sync', path);
    await handle.sync();
    return result;
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let written = 0; written < piece.length;) {
    written += (await handle.write(piece, written, piece.length - written)).bytesWritten;
  }
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
