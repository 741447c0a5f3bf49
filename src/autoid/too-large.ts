import { AppError, type ErrorCode } from '../core/errors.ts';

/**
 * Waits for a call, and takes an answer over the limit of bytes (ANSWER_TOO_LARGE) for the nonsense of whoever answered
 * rather than the network's failure. Everything else is as the call has it.
 */
export async function orTooLarge<T>(call: Promise<T>, code: ErrorCode, sentence: string): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'ANSWER_TOO_LARGE') throw cause;
    throw new AppError(code, sentence, { cause });
  }
}
