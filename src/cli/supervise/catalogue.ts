/** What lies in versions/ and incoming/, looked at again and again; files are read anew only where they changed. */
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeyObject, createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import type { Manifest } from '../../core/supervisor/manifest.ts';
import type { Program } from '../../core/supervisor/state.ts';
import { compareVersions, isVersion } from '../../core/supervisor/version.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { DRAFT_PREFIX, type IntakeRules, type Taken, takeIn } from './intake.ts';
import type { Root } from './root.ts';
import { type SignedManifest, readSignedManifest, refused, verifyFiles, walk } from './verify.ts';

const MANIFEST_FILES = ['manifest.json', 'manifest.json.sig'];
/** A version that could not be copied for the disk's sake (full, say) is left alone for so long, in ms. */
const DISK_RETRY_MS = 600_000;
const MOST_STAMPED = 25_000;

export interface Catalogue {
  /** The versions whose manifests are right, newest first. What is wrong is logged once. */
  look(): Promise<readonly Program[]>;
  /** Takes in what lies in incoming/. */
  takeAll(rules: Pick<IntakeRules, 'current' | 'isInUse'>): Promise<readonly Taken[]>;
  /** Verifies a version's files: every byte, or what is quickly done. */
  verify(version: string, whole: boolean): Promise<boolean>;
  /** Path of a version's executable; undefined if it is not there. */
  executable(version: string): string | undefined;
  /** Removes versions that nobody comes back to, and what an earlier life left half done. */
  prune(keep: (version: string) => boolean): Promise<void>;
}

export interface CatalogueOptions {
  readonly root: Root;
  readonly keys: readonly KeyObject[];
  readonly platform: string;
  readonly allowDowngrade: boolean;
  readonly logger: Logger;
  /** Monotonic ms. */
  readonly now: () => number;
}

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const { root, keys, platform, logger, allowDowngrade } = options;
  const known = new Map<string, { stamp: string; signed: SignedManifest }>();
  /** Folders that were refused, with the stamp of what was seen then. */
  const bad = new Map<string, { stamp: string; until: number }>();

  function refuse(folder: string, stamp: string, error: unknown, diskRetryMs = 0): void {
    const isOurs = error instanceof AppError;
    // Until the files change; but a disk that fails may come round.
    bad.set(folder, { stamp, until: isOurs ? Infinity : options.now() + diskRetryMs });
    // Somebody may be copying it just now.
    const isPart = isOurs && error.code === 'SUPERVISE_FILES_INCOMPLETE';
    logger.log(isPart ? 'warn' : 'error', 'version.not-taken', { folder, error });
  }

  function isBad(folder: string, stamp: string): boolean {
    const found = bad.get(folder);
    if (found === undefined) return false;
    if (found.stamp === stamp && options.now() < found.until) return true;
    bad.delete(folder);
    return false;
  }

  return {
    async look() {
      const programs: Program[] = [];
      for (const version of await foldersIn(root.versions)) {
        if (!isVersion(version)) continue;
        const folder = join(root.versions, version);
        if (bad.has(folder) && isBad(folder, await stampOf(folder))) continue;
        const stamp = await manifestStamp(folder);
        let entry = known.get(version);
        if (entry?.stamp !== stamp) {
          known.delete(version);
          try {
            entry = { stamp, signed: await readSignedManifest(folder, keys, platform) };
            if (entry.signed.manifest.version !== version) {
              throw refused('SUPERVISE_MANIFEST_INVALID', `${folder} holds version ${entry.signed.manifest.version}`);
            }
            known.set(version, entry);
          } catch (error) {
            refuse(folder, await stampOf(folder), error);
            continue;
          }
        }
        programs.push({ id: version, kind: 'version', version, digest: entry.signed.digest });
      }
      return programs.sort((a, b) => compareVersions(b.version, a.version));
    },

    async takeAll(rules) {
      const taken: Taken[] = [];
      for (const name of await foldersIn(root.incoming)) {
        const folder = join(root.incoming, name);
        const stamp = await stampOf(folder);
        if (name.startsWith('.') || isBad(folder, stamp)) continue;
        try {
          taken.push(await takeIn(root, name, { ...rules, keys, platform, allowDowngrade }));
        } catch (error) {
          refuse(folder, stamp, error, DISK_RETRY_MS);
        }
      }
      return taken;
    },

    async verify(version, whole) {
      const folder = join(root.versions, version);
      try {
        // Read anew: what was right a minute ago proves nothing.
        const signed = await readSignedManifest(folder, keys, platform);
        await verifyFiles(folder, signed.manifest, whole);
        if (signed.digest === known.get(version)?.signed.digest) return true;
        throw refused('SUPERVISE_FILES_CHANGED', `${folder} was exchanged meanwhile`);
      } catch (error) {
        known.delete(version);
        refuse(folder, await stampOf(folder), error);
        return false;
      }
    },

    executable(version) {
      const manifest: Manifest | undefined = known.get(version)?.signed.manifest;
      return manifest === undefined ? undefined : join(root.versions, version, ...manifest.executable.split('/'));
    },

    async prune(keep) {
      for (const name of await foldersIn(root.versions)) {
        if (!name.startsWith(DRAFT_PREFIX) && (!isVersion(name) || keep(name))) continue;
        // Half a version must never be found under its own name.
        const away = join(root.versions, name.startsWith(DRAFT_PREFIX) ? name : `${DRAFT_PREFIX}old-${name}`);
        try {
          if (!name.startsWith(DRAFT_PREFIX)) {
            await rm(away, { recursive: true, force: true });
            await rename(join(root.versions, name), away);
          }
          await rm(away, { recursive: true, force: true });
          logger.log('info', 'version.removed', { name });
        } catch (error) {
          logger.log('warn', 'version.not-removed', { name, error });
        }
      }
    },
  };
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Changes whenever a file in the folder does, as far as names, sizes and times tell. */
async function stampOf(folder: string): Promise<string> {
  const parts: string[] = [];
  try {
    // A folder with more files than this is no version of ours.
    for await (const { path, entry } of walk(folder)) {
      if (parts.length > MOST_STAMPED) break;
      if (entry.isDirectory()) continue;
      const { size, mtimeNs, ino } = await lstat(join(folder, path), { bigint: true });
      parts.push(`${path} ${size.toString()} ${mtimeNs.toString()} ${ino.toString()}`);
    }
  } catch (error) {
    parts.push(String(error));
  }
  return createHash('sha256').update(parts.sort().join('\n')).digest('hex');
}

async function manifestStamp(folder: string): Promise<string> {
  const files = createNodeFileStore();
  const stamps = await Promise.all(
    MANIFEST_FILES.map((name) => files.stamp(join(folder, name)).catch((error: unknown) => String(error))),
  );
  return stamps.join(' ');
}
