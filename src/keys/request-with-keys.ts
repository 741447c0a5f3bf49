import { AskedTooOften } from '../autoid/v1/request.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { Logger } from '../core/ports.ts';
import type { KeyRing } from './key-ring.ts';
import type { KeySet } from './key-set.ts';

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AppError };

/**
 * One secret, with keys that are as fresh as they need to be. At most two requests and two key fetches.
 *
 * - No set in memory: keys first, then the request.
 * - A set in memory: the request, and beside it the question whether the source holds something newer. A request that
 *   succeeds is the answer, whatever the source says.
 * - A request that fails with SERVER_* may mean rotated keys (the reference answers 502 then, not 404). If the source had
 *   a newer set, or gives one when asked once more, the request is made again with it. With the same set it is made
 *   again only if the failure may pass: a refused proof stays refused.
 * - A server that wishes to be asked later gets its wish unless there are other keys to ask with: that it failed may be
 *   because of the keys. With 429 it is left alone whatever the keys. A network failure says nothing about keys and costs
 *   no further fetch.
 *
 * Throws what the request throws, or with no set in memory what the source throws. Waiting and trying again is the caller's.
 */
export async function obtainSecret(options: {
  readonly keyRing: KeyRing;
  readonly request: (keySet: KeySet) => Promise<string>;
  readonly logger: Logger;
}): Promise<string> {
  const { keyRing, request, logger } = options;
  const inMemory = keyRing.current();
  const checking = outcomeOf(keyRing.refresh());
  const first = inMemory ?? (await firstSet(keyRing, checking));

  const answer = await outcomeOf(request(first));
  if (answer.ok) {
    void checking.then((check) => {
      if (!check.ok) logKeysFailed(logger, check.error);
    });
    return answer.value;
  }
  if (!mayBeTheKeys(answer.error)) throw answer.error;

  const check = await checking;
  let newest = keyRing.current() ?? first;
  if (check.ok && newest.fingerprint === first.fingerprint) {
    // A cold start has only just fetched the whole set: a check will do.
    const again = await outcomeOf(keyRing.refresh(inMemory === undefined ? undefined : 'whole'));
    if (!again.ok) logKeysFailed(logger, again.error);
    newest = keyRing.current() ?? first;
  } else if (!check.ok) {
    logKeysFailed(logger, check.error);
  }
  const isNew = newest.fingerprint !== first.fingerprint;
  const mayPass = answer.error.code !== 'SERVER_REFUSED' && answer.error.retryAfterMs === undefined;
  if (!isNew && !mayPass) throw answer.error;
  logger.log('info', 'keys.request-again', { code: answer.error.code, newKeys: isNew });
  return request(newest);
}

async function firstSet(keyRing: KeyRing, fetching: Promise<Outcome<unknown>>): Promise<KeySet> {
  const fetched = await fetching;
  const set = keyRing.current();
  if (set !== undefined) return set;
  throw fetched.ok
    ? new AppError('INTERNAL', 'The key source gave no keys and no reason: report it with the log.')
    : fetched.error;
}

function mayBeTheKeys(error: AppError): boolean {
  const isServers = error.code === 'SERVER_REFUSED' || error.code === 'SERVER_UNAVAILABLE';
  return (isServers || error.code === 'SERVER_ANSWER_UNREADABLE') && !(error instanceof AskedTooOften);
}

function logKeysFailed(logger: Logger, error: AppError): void {
  logger.log('warn', 'keys.check-failed', { code: error.code, sentence: error.message });
}

async function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
}
