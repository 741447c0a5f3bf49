import { AppError } from '../../core/errors.ts';
import type { DeviceClient } from '../../autoid/v2/client.ts';
import { decodeKeySet, KEY_SET_FILE } from '../../autoid/v2/keyset.ts';
import type { KeySetFiles } from '../../autoid/v2/keyset.ts';
import { prepareKeys } from '../../autoid/v2/request.ts';
import type { PreparedKeys } from '../../autoid/v2/request.ts';
import type { SetForm, VersionedSet } from '../key-set.ts';

/** A key set of protocol 2 that this device has accepted, ready for use. It lives in memory only. */
export interface KeySetV2 extends VersionedSet, PreparedKeys {}

/**
 * Key sets of protocol 2 for a device: one file, accepted only when it chains to the device's root, is not below its
 * floor and has not ended (see `acceptKeySet`).
 */
export function keySetForm(device: DeviceClient): SetForm<KeySetV2> {
  return {
    files: [KEY_SET_FILE],
    make: ([file = new Uint8Array()], version) => {
      const files = decodeKeySet(new Uint8Array(file));
      if (files === undefined) {
        throw new AppError('KEYS_INVALID', `The file ${KEY_SET_FILE} is no key set: publish it anew.`);
      }
      return acceptedSet(device, files, version);
    },
  };
}

/** The set in these files, accepted by the device. Rejects with KEYS_INVALID, KEYS_INTEGRITY or DEVICE_*. */
export async function acceptedSet(device: DeviceClient, files: KeySetFiles, version: string): Promise<KeySetV2> {
  const keys = await device.accept(files);
  return { ...(await prepareKeys(device.suite, keys)), version, fingerprint: keys.fingerprint };
}
