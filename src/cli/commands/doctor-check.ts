import type { ErrorCode, Failure } from '../../core/errors.ts';
import { remedyFor } from '../remedies.ts';
import type { LitName } from './doctor-lit.ts';

/** One line of the doctor. */
export interface Check {
  readonly name: CheckName;
  /** The session, dashboard or surface that it is about, where there are several. */
  readonly of?: string;
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  readonly code?: ErrorCode;
  readonly sentence: string;
  readonly remedy?: string;
}

export type CheckName =
  | 'clock'
  | 'settings'
  | 'proxy'
  | 'device'
  | 'device-clock'
  | 'keys'
  | 'server'
  | 'role'
  | 'federation'
  | 'dashboard'
  | 'alarms'
  | LitName;

/** It does not work. @param of see {@link Check} */
export function failed(name: CheckName, { code, sentence }: Failure, of?: string): Check {
  return { name, ...about(of), status: 'fail', code, sentence, remedy: remedyFor(code) };
}

/** It was not tried; the sentence says why. */
export function skipped(name: CheckName, sentence: string, of?: string): Check {
  return { name, ...about(of), status: 'skip', sentence };
}

/** It works. */
export function fine(name: CheckName, sentence: string, of?: string): Check {
  return { name, ...about(of), status: 'ok', sentence };
}

function about(of: string | undefined): Pick<Check, 'of'> {
  return of === undefined ? {} : { of };
}
