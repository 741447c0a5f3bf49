import { AppError, toAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import type { DeviceClient, Granted } from '../../autoid/v2/client.ts';
import type { KeyRing } from '../key-ring.ts';
import type { KeySetV2 } from './key-set-v2.ts';

/**
 * What a server grants, with keys that are as fresh as they need to be. The key source is asked only when there is a
 * reason: no set in memory; an answer that does not open, once; or a reply that names a newer generation, after it.
 * A source that does not have that generation is told of as frozen: somebody keeps old keys alive there, or forgot it.
 *
 * Rejects with what the request rejects with, or with no set in memory what the source rejects with. Waiting and trying
 * again is the caller's.
 */
export async function obtainGranted(options: {
  readonly device: DeviceClient;
  readonly keyRing: KeyRing<KeySetV2>;
  readonly logger: Logger;
  readonly source: string;
  readonly destination: string;
}): Promise<Granted> {
  const { device, keyRing, logger, source, destination } = options;
  const wasEmpty = keyRing.current() === undefined;
  if (wasEmpty) await keyRing.refresh();
  const first = currentOf(keyRing);
  let granted: Granted;
  try {
    granted = await device.request(first, source, destination);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code !== 'SERVER_REFUSED' && error.code !== 'SERVER_ANSWER_UNREADABLE') throw error;
    if (wasEmpty || (await fetchedOthers(keyRing, logger)) === 'unchanged') throw error;
    logger.log('info', 'keys.request-again', { code: error.code, newKeys: true });
    return device.request(currentOf(keyRing), source, destination);
  }
  if (granted.currentGeneration > first.generation) {
    // Not awaited: what was granted is good whatever the source says.
    void fetchedOthers(keyRing, logger).then(() => {
      const generation = keyRing.current()?.generation ?? 0;
      if (generation >= granted.currentGeneration) return;
      logger.log('warn', 'keys.frozen', { generation, currentGeneration: granted.currentGeneration });
    });
  }
  return granted;
}

async function fetchedOthers(keyRing: KeyRing<KeySetV2>, logger: Logger): Promise<'changed' | 'unchanged'> {
  try {
    return await keyRing.refresh('whole');
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    logger.log('warn', 'keys.check-failed', { code, sentence: message });
    return 'unchanged';
  }
}

function currentOf(keyRing: KeyRing<KeySetV2>): KeySetV2 {
  const set = keyRing.current();
  if (set !== undefined) return set;
  throw new AppError('INTERNAL', 'The key source gave no keys and no reason: report it with the log.');
}
