/** What can go wrong with a console page, as failures. */
import type { Failure } from '../../core/errors.ts';
import type { Fault } from '../../core/surface/live-check.ts';
import type { PageKind } from './navigation-guard.ts';

export const SIGNED_OUT: Failure = {
  code: 'CONSOLE_SIGNED_OUT',
  sentence: 'The console ended the session. Vigil signs in again.',
};

export const CLOSED_ITSELF: Failure = {
  code: 'RENDERER_GONE',
  sentence: 'The page closed itself. It is opened afresh.',
};

export const REPLACED: Failure = {
  code: 'CONSOLE_LOAD_FAILED',
  sentence: 'The dashboard page was replaced by another. It is opened afresh.',
};

export const GROWN: Failure = {
  code: 'RENDERER_GONE',
  sentence: 'The console page has come to take much more memory than at first. It is opened afresh.',
};

export const TOO_LARGE: Failure = {
  code: 'CONSOLE_LOAD_FAILED',
  sentence: 'The console page took more memory than a dashboard may. It is opened afresh.',
};

const DENIED: Failure = {
  code: 'CONSOLE_ACCESS_DENIED',
  sentence: 'The console denies access to this dashboard. Allow the role cloudwatch:GetDashboard and ListDashboards.',
};

const MISSING: Failure = {
  code: 'CONSOLE_DASHBOARD_MISSING',
  sentence: 'The console has no such dashboard. Check its name and region.',
};

const WITHOUT_DATA: Failure = {
  code: 'CONSOLE_DATA_FAILED',
  sentence: 'The dashboard opened, but none of its calls for data succeeded. It is tried again.',
};

const FAULTS: Readonly<Record<Exclude<Fault, 'error-page'>, Failure>> = {
  hung: { code: 'RENDERER_GONE', sentence: 'The dashboard page does not answer any more. It is opened afresh.' },
  blank: { code: 'CONSOLE_BLANK', sentence: 'The dashboard page went blank. It is opened afresh.' },
  'one-colour': { code: 'CONSOLE_BLANK', sentence: 'The dashboard shows nothing but one colour. It is opened afresh.' },
};

/** An HTTP error in place of a page. @param wishMs when its server wishes to be asked again, in ms from now */
export function failureOfStatus(status: number, kind: PageKind, wishMs: number | undefined): Failure {
  const wish = wishMs === undefined ? {} : { retryAfterMs: wishMs };
  if (kind === 'sign-in' || kind === 'signed-out') {
    return {
      code: 'FEDERATION_REFUSED',
      sentence: `The sign-in page refused the login (HTTP ${status}). The login URL may have ended, or the clock of this machine may be wrong.`,
      ...wish,
    };
  }
  if (status === 403) return DENIED;
  if (status === 404) return MISSING;
  const sentence = `The console answered with HTTP ${status}. It is tried again.`;
  return { code: 'CONSOLE_LOAD_FAILED', sentence, ...wish };
}

/** A page whose calls for data do not succeed. @param refusal how they were refused, if they were */
export function failureOfCalls(refusal: 'denied' | 'missing' | undefined): Failure {
  if (refusal === undefined) return WITHOUT_DATA;
  return refusal === 'denied' ? DENIED : MISSING;
}

const REPLACED_BY_WORDS: Failure = {
  code: 'CONSOLE_BLANK',
  sentence: 'The console shows a few words in place of the dashboard. It is opened afresh.',
};

/**
 * What was found at a live page.
 * @param callsFail whether its calls for data fail
 * @param refusal how they were refused, if they were
 */
export function failureOfFault(fault: Fault, callsFail: boolean, refusal: 'denied' | 'missing' | undefined): Failure {
  if (fault !== 'error-page') return FAULTS[fault];
  return callsFail ? failureOfCalls(refusal) : REPLACED_BY_WORDS;
}
