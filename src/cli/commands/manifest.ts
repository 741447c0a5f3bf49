import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { isVersion } from '../../core/supervisor/version.ts';
import { readPrivateKey, readPublicKeys, writeNewKeys } from '../supervise/keys.ts';
import { makeManifest } from '../supervise/make-manifest.ts';
import { readSignedManifest, verifyFiles } from '../supervise/verify.ts';

/**
 * Makes a pair of keys (`--new-key`), makes and signs the manifest of a folder (`--sign-with`), or verifies one (`--public-key`). Resolves with
 * what it did as one line; rejects with USAGE or a SUPERVISE code.
 */
export async function manifest(
  options: Readonly<Record<string, unknown>>,
  folder: string | undefined,
): Promise<string> {
  const text = (name: string): string | undefined => {
    const value = options[name];
    if (value === '') throw new AppError('USAGE', 'An option of vigil manifest is empty.');
    return typeof value === 'string' ? value : undefined;
  };
  const newKey = text('newKey');
  if (newKey !== undefined) return `Keep ${newKey} secret; supervisors need ${await writeNewKeys(resolve(newKey))}.\n`;
  if (folder === undefined) throw new AppError('USAGE', "Name the version's folder.");
  if (!(await isFolder(resolve(folder)))) throw new AppError('USAGE', `There is no folder ${folder}.`);
  const platform = text('platform') ?? `${process.platform}-${process.arch}`;
  const publicKey = text('publicKey');
  const signWith = text('signWith');
  if ((publicKey === undefined) === (signWith === undefined)) {
    throw new AppError('USAGE', 'Give --sign-with to make a manifest, or --public-key to verify one.');
  }
  if (publicKey !== undefined) {
    const { manifest: found } = await readSignedManifest(resolve(folder), readPublicKeys(resolve(publicKey)), platform);
    await verifyFiles(resolve(folder), found, true);
    return `Version ${found.version} for ${found.platform} is whole: ${found.files.length} files.\n`;
  }
  const version = text('release');
  const executable = text('executable');
  if (version === undefined || !isVersion(version)) {
    throw new AppError('USAGE', 'Give the number of the version, such as --release 1.2.3.');
  }
  if (executable === undefined) throw new AppError('USAGE', 'Name the file to start with --executable.');
  const key = readPrivateKey(resolve(signWith ?? ''));
  const made = await makeManifest({ folder: resolve(folder), version, platform, executable, key });
  return `Version ${made.version} for ${made.platform} is signed: ${made.files.length} files.\n`;
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
