import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import npa from 'npm-package-arg';
import ssri from 'ssri';
import type { IntegrityMap } from 'ssri';
import { Parser } from 'tar';
import { AppError } from '../core/errors.ts';
import { LONGEST_FILE, named, PLACES } from './key-set.ts';

/** Longest tarball, and longest content of one, in bytes. */
export const LONGEST_PACKAGE = 16 * 1024 * 1024;
const MOST_ENTRIES = 10_000;

/** Strong enough to be relied on; npm's own publishing has written SHA-512 since 2017, and SHA-1 before. */
const DIGESTS: readonly string[] = ['sha512', 'sha384', 'sha256', 'sha1'];

/** What a packument says of the version to be fetched. */
export interface Release {
  readonly version: string;
  readonly tarball: string;
  /** Subresource integrity (W3C SRI). */
  readonly integrity: string;
}

/**
 * A package's name in full and as it stands in a registry's URL. The scope may come with or without its `@`, or within
 * the package's name. Throws SETTINGS_INVALID.
 */
export function packageNameOf(scope: string | undefined, name: string): { full: string; escaped: string } {
  const full = scope === undefined || scope === '' ? name : `@${scope.replace(/^@/, '')}/${name}`;
  try {
    const parsed = npa(full);
    if (parsed.type === 'range' && parsed.name === full && parsed.escapedName !== null) {
      return { full, escaped: parsed.escapedName };
    }
  } catch {
    // The sentence below says more than the library's.
  }
  throw new AppError(
    'SETTINGS_INVALID',
    `There can be no npm package of the name ${JSON.stringify(full)}: give a scope such as acme and a name such as auto-id-keys.`,
  );
}

/**
 * What a packument names as its latest version. The integrity is `dist.integrity`, or the SHA-1 `dist.shasum` where a very
 * old registry gives no other; a version with neither is refused. Throws KEYS_NOT_FOUND, KEYS_UNREADABLE, KEYS_INTEGRITY.
 */
export function latestRelease(packument: Readonly<Record<string, unknown>>, name: string): Release {
  const version = member(packument['dist-tags'], 'latest');
  if (typeof version !== 'string') {
    throw new AppError(
      'KEYS_NOT_FOUND',
      `The npm package ${name} has no version tagged latest: publish the keys to it.`,
    );
  }
  const dist = member(member(packument['versions'], version), 'dist');
  const tarball = member(dist, 'tarball');
  if (typeof tarball !== 'string') {
    throw new AppError(
      'KEYS_UNREADABLE',
      `The npm registry does not say where version ${version} of ${name} lies: check the registry, or publish again.`,
    );
  }
  return { version, tarball, integrity: integrityOf(dist, name) };
}

function integrityOf(dist: unknown, name: string): string {
  const [integrity, shasum] = [member(dist, 'integrity'), member(dist, 'shasum')];
  if (typeof integrity === 'string' && integrity !== '') return integrity;
  if (typeof shasum === 'string' && /^[0-9a-f]{40}$/i.test(shasum)) return ssri.fromHex(shasum, 'sha1').toString();
  throw new AppError(
    'KEYS_INTEGRITY',
    `The npm registry gives no checksum of the package ${name}, so it cannot be trusted: publish it again, or use another registry.`,
  );
}

/** Checks a tarball against its integrity with npm's own library. Throws KEYS_INTEGRITY. */
export function checkIntegrity(tarball: Uint8Array, integrity: string, name: string): void {
  // The library's types leave out that it answers null for text without a usable hash.
  const expected = ssri.parse(integrity) as IntegrityMap | null;
  const isStrong = expected !== null && DIGESTS.includes(expected.pickAlgorithm());
  if (isStrong && ssri.checkData(tarball, expected) !== false) return;
  throw new AppError(
    'KEYS_INTEGRITY',
    `The npm package ${name} is not what its registry says was published: it was damaged or changed on the way, or on the registry; do not use it before this is explained.`,
  );
}

/**
 * The bytes of the named files in a package's tarball (gzip, tar), from the first place that holds them all. It is read in memory: nothing is written and nothing of the package is
 * run. The first folder of every path is dropped whatever its name, as npm does. Throws KEYS_UNREADABLE, KEYS_NOT_FOUND.
 */
export async function readPackage(
  tarball: Uint8Array,
  name: string,
  files: readonly string[],
): Promise<readonly Uint8Array[]> {
  let found: ReadonlyMap<string, Uint8Array>;
  try {
    const unpacked = await promisify(gunzip)(tarball, { maxOutputLength: LONGEST_PACKAGE });
    found = await readTar(unpacked, files);
  } catch (cause) {
    throw new AppError(
      'KEYS_UNREADABLE',
      `The npm package ${name} cannot be unpacked, or holds far more than a key set: publish it again.`,
      { cause },
    );
  }
  for (const place of PLACES) {
    const bytes = files.map((file) => found.get(place + file)).filter((one) => one !== undefined);
    if (bytes.length === files.length) return bytes;
  }
  throw new AppError(
    'KEYS_NOT_FOUND',
    `The npm package ${name} holds no ${named(files)}, neither at its top nor in build/: publish it with ${files.length === 1 ? 'it' : 'both files'}.`,
  );
}

/** The regular files of a tar archive that bear these names, by path without the first folder. */
function readTar(archive: Buffer, files: readonly string[]): Promise<Map<string, Uint8Array>> {
  const wanted = new Set(PLACES.flatMap((place) => files.map((file) => place + file)));
  const found = new Map<string, Uint8Array>();
  let entries = 0;
  return new Promise((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      onReadEntry(entry) {
        entries += 1;
        const path = entry.path.replace(/^(?:\.\/)?[^/]+\//, '');
        const isFile = entry.type === 'File' || entry.type === 'OldFile';
        if (entries > MOST_ENTRIES) {
          parser.abort(new Error(`more than ${MOST_ENTRIES} entries`));
        } else if (isFile && wanted.has(path) && entry.size <= LONGEST_FILE) {
          const bytes = new Uint8Array(entry.size);
          let length = 0;
          entry.on('data', (chunk) => {
            bytes.set(chunk, length);
            length += chunk.length;
          });
          entry.on('end', () => found.set(path, bytes));
          return;
        }
        entry.resume();
      },
    });
    parser.on('error', reject);
    parser.on('end', () => resolve(found));
    parser.end(archive);
  });
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
