/** What stands on a surface while it has no dashboard. Plain data: it crosses IPC to the notice page. */
import type { Failure } from '../errors.ts';
import type { Session } from '../session/state.ts';

export type NoticeKind =
  | 'starting'
  | 'signing-in'
  | 'waiting-for-network'
  | 'cannot-sign-in'
  | 'cannot-show'
  | 'needs-settings'
  /** After several ends in a row the wall tries more slowly, and without what may have ended it. */
  | 'safe-mode'
  /** Black, and nothing else. */
  | 'night';

export interface Notice {
  readonly kind: NoticeKind;
  /** Error code, where something failed. */
  readonly code?: string;
  /** The failure's sentence. */
  readonly sentence?: string;
  /** Wall-clock ms since the epoch of the next attempt. */
  readonly nextTryAt?: number;
  /** Further sentences, one a line (settings problems). */
  readonly details?: readonly string[];
  /** The last picture of the dashboard stands behind it, dimmed; wall-clock ms since the epoch of what it shows. */
  readonly picture?: { readonly takenAt: number };
}

/** The line over a picture whose data are stale. Plain data: it crosses IPC to the strip page. Wall-clock ms since the epoch. */
export interface StripText {
  readonly dataAt: number;
  /** Name of the dashboard that is to show, where another one stands in its place. */
  readonly inPlaceOf?: string;
  readonly nextTryAt?: number;
  /** One sentence. */
  readonly reason?: string;
}

/** The notice for a session that has no picture. */
export function noticeOf({ phase }: Session): Notice {
  switch (phase.kind) {
    case 'idle':
      return { kind: 'starting' };
    case 'signing-in':
      return phase.reason === undefined
        ? { kind: 'signing-in' }
        : { kind: 'signing-in', code: phase.reason.code, sentence: phase.reason.sentence };
    case 'waiting':
      return failureNotice('cannot-sign-in', phase.reason, phase.nextTry.until.wall);
    case 'live':
    case 'renewing':
      return { kind: 'signing-in' };
  }
}

/** What failed and when it is tried again; whatever failed, a network that is away is told as that. */
export function failureNotice(
  kind: 'cannot-sign-in' | 'cannot-show',
  { code, sentence }: Failure,
  nextTryAt: number,
): Notice {
  return { kind: code.startsWith('NETWORK_') ? 'waiting-for-network' : kind, code, sentence, nextTryAt };
}
