import { AppError } from '../../core/errors.ts';
import type { DeviceClient } from '../../autoid/v2/client.ts';
import { postMessage, unopenedAnswer } from '../../autoid/v2/http.ts';
import { LONGEST_KEY_REPLY, sealKeyRequest } from '../../autoid/v2/key-request.ts';
import type { KeySource } from '../key-set.ts';
import { acceptedSet } from './key-set-v2.ts';
import type { KeySetV2 } from './key-set-v2.ts';

/**
 * Keys from the auto-id server itself, over the device's own key: nothing else needs to be configured, and no registry's
 * token lies on the machine. Rejects with DEVICE_NOT_ENROLLED and DEVICE_UNREADABLE beside a source's own codes.
 */
export function serverKeySource(device: DeviceClient): KeySource<KeySetV2> {
  return {
    name: 'auto-id server',
    async fetch(known) {
      const { record, signer } = await device.identity();
      const { serverId, deviceId } = record;
      const generation = known?.serverId === serverId ? known.generation : 0;
      const sealed = await sealKeyRequest(device.suite, { serverId, deviceId, signer, known: generation });
      const answer = await postMessage(device.options, '/v2/keyset', sealed.body, LONGEST_KEY_REPLY);
      const files = await sealed.openReply(answer);
      if (files === undefined) {
        throw keyFailure(unopenedAnswer(answer, 'it gives no keys to this device, or is not the server it belongs to'));
      }
      if (files === 'unchanged') {
        if (known !== undefined) return 'unchanged';
        throw new AppError('KEYS_UNREADABLE', 'The auto-id server gives no keys: update it.');
      }
      return acceptedSet(device, files, 'as the server gave it');
    },
  };
}

/** A failure of the server's as one of a key source. */
function keyFailure(error: AppError): AppError {
  const wish = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
  const code =
    error.code === 'SERVER_REFUSED'
      ? 'KEYS_REFUSED'
      : error.code === 'SERVER_UNAVAILABLE'
        ? 'KEYS_UNAVAILABLE'
        : 'KEYS_UNREADABLE';
  return new AppError(code, error.message, wish);
}
