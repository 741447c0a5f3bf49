import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { Sealer } from '../seal/sealer.ts';
import { directoryVault } from './directory-vault.ts';
import { createDisk } from './disk.ts';
import type { KeyVault } from './vault.ts';

/** Where the keys lie in a data folder. */
const KEYS_FOLDER = 'keys';

/** The vault of a server: the folder `keys` in its data folder. */
export function openVault(home: { readonly folder: string | undefined }, sealer: Sealer): Promise<KeyVault> {
  if (home.folder === undefined) {
    return Promise.reject(new AppError('USAGE', 'Keys are kept in a data folder: name it with --data.'));
  }
  return Promise.resolve(directoryVault({ disk: createDisk(), folder: join(home.folder, KEYS_FOLDER), sealer }));
}
