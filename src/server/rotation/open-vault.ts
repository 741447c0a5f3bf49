import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { Clock, Fetch } from '../../core/ports.ts';
import type { Sealer } from '../seal/sealer.ts';
import { directoryVault } from './directory-vault.ts';
import { createDisk } from './disk.ts';
import type { KeyVault } from './vault.ts';

/** Where the keys lie in a data folder. */
const KEYS_FOLDER = 'keys';

/**
 * The vault of a server: the folder `keys` in its data folder; for a server on AWS the bucket that VIGIL_KEY_BUCKET names.
 * Rejects with SETTINGS_MISSING.
 */
export async function openVault(
  home: { readonly folder: string | undefined; readonly fetch?: Fetch; readonly clock?: Clock },
  sealer: Sealer,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KeyVault> {
  if (home.folder !== undefined) {
    return directoryVault({ disk: createDisk(), folder: join(home.folder, KEYS_FOLDER), sealer });
  }
  const { fetch, clock } = home;
  if (fetch === undefined || clock === undefined) {
    throw new AppError('USAGE', "Name the server's data folder with --data, or its table with --table.");
  }
  const { s3VaultFromEnv } = await import('./s3-vault.ts');
  return s3VaultFromEnv(env, { fetch, clock, sealer });
}
