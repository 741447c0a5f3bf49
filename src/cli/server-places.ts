import { dirname, join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Fetch } from '../core/ports.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { placesFromConfig } from '../server/rotation/places/from-config.ts';
import type { Place } from '../server/rotation/places/place.ts';

const LONGEST_LIST = 1024 * 1024;
/** The list of places in a data folder. */
const PLACES_FILE = 'places.json';

/**
 * The places that key sets are published to: those of the file `named`, or of places.json in the data folder; none where
 * there is no such file. Rejects with SETTINGS_UNREADABLE or SETTINGS_INVALID.
 */
export async function readPlaces(
  named: string | undefined,
  { folder, fetch }: { readonly folder: string | undefined; readonly fetch: Fetch },
): Promise<readonly Place[]> {
  const path = named === undefined ? (folder === undefined ? undefined : join(folder, PLACES_FILE)) : resolve(named);
  if (path === undefined) return [];
  const bytes = await createNodeFileStore()
    .read(path, LONGEST_LIST)
    .catch((cause: unknown) => {
      throw new AppError('SETTINGS_UNREADABLE', `The list of places ${path} cannot be read.`, { cause });
    });
  if (bytes === undefined) {
    if (named === undefined) return [];
    throw new AppError('SETTINGS_UNREADABLE', `There is no list of places ${path}.`);
  }
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new AppError('SETTINGS_INVALID', `The list of places ${path} is no JSON.`, { cause });
  }
  return placesFromConfig(list, { fetch, env: process.env, folder: dirname(path) });
}
