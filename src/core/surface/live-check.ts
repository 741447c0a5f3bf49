/**
 * Whether a dashboard that was on the wall still is one. A page that hangs, is blank, of one colour, or has become an error page must not
 * stand longer than 10 s, counted from its beginning; one that is merely busy must not be taken down. Both hang on when one looks
 * and how long one waits for an answer, so that is decided here, apart from clocks and Chromium. The page's content and its picture are
 * looked at apart, for a busy page answers late while its picture can be had at once.
 */

/** What a page says of itself, all its frames together. */
export interface PageContent {
  /** Graphics and tables of a size to be seen; not counted further than `MOST_GRAPHICS`. */
  readonly graphics: number;
  /** Characters of text, where there are few graphics; otherwise not counted. */
  readonly text?: number;
  /** It says that it is loading. */
  readonly busy: boolean;
  /** One of its graphics at least is certain to be seen, with nothing over it. What is not known is not certain. */
  readonly inSight?: boolean;
}

export type Fault = 'hung' | 'blank' | 'one-colour' | 'error-page';

/**
 * What a look found. 'bare': hardly anything is left of a dashboard, as of an error page, or for the moment in which it is drawn anew;
 * 'loading': the same, and it says that it is loading;
 * 'unanswered': it took longer than it may; 'unknown': nothing can be told at the moment.
 */
export type Seen = 'good' | 'bare' | 'loading' | 'unknown' | 'unanswered' | Exclude<Fault, 'hung'>;

/** How often one looks at a page, and how long an answer may take, in ms. */
export interface Pace {
  readonly everyMs: number;
  readonly answerMs: number;
}

/**
 * A page that is too busy to answer is taken for hung after 5 s, and for no less: one long wait forgives more than several short ones
 * within the same 10 s.
 */
export const CONTENT_PACE: Pace = { everyMs: 4_000, answerMs: 5_000 };
/** A picture costs ten times what a question does. */
export const PICTURE_PACE: Pace = { everyMs: 7_500, answerMs: 1_500 };
/**
 * A page whose graphics are certain to be seen cannot be of one colour by what is in it, and is as good as one whose picture was looked at. For
 * what only a picture shows, such as a fault of whatever draws it, one is taken all the same when the last is as old as this, in ms.
 */
export const PICTURE_WAITS_MS = 25_000;

/** Graphics beyond these tell nothing more. */
export const MOST_GRAPHICS = 8;
/** Text is counted only of pages with so many graphics at most. */
export const FEW_GRAPHICS = 2;

/** What is known from earlier looks. Times are monotonic ms. */
export interface Track {
  /** When all was last well. */
  readonly goodAt: number;
  readonly suspect?: { readonly fault: Fault; readonly since: number; readonly until: number };
}

// What may pass from the beginning of a fault until it is told: 10 s, less a moment for the wall to act.
const FAULT_STANDS_MS = 9_300;
// A page may load for longer than a fault may stand, but not for ever.
const LOADING_STANDS_MS = 30_000;
// A page under suspicion is looked at more often, and must stay suspect for a while: pages are drawn anew.
const CONFIRM_EVERY_MS = 1_000;
const CONFIRM_MS = 1_500;
const SHORTEST_PAUSE_MS = 100;
const SHORTEST_ANSWER_MS = 500;

const EMPTY_TEXT = 20;
const ERROR_PAGE_TEXT = 600;

/**
 * What a page's content is, held against what it was when it was fullest. An error page of the console has HTTP status 200: it is known by
 * graphics that are gone and the few words that are left, and at once where its calls for data fail.
 */
export function judgeContent(now: PageContent, fullest: PageContent, callsFail: boolean): Seen {
  const text = now.text ?? Infinity;
  if (!now.busy && now.graphics === 0 && text < EMPTY_TEXT) return 'blank';
  const isBare = fullest.graphics > 0 ? now.graphics <= fullest.graphics / 4 : text <= (fullest.text ?? 0) / 2;
  if (!isBare || text >= ERROR_PAGE_TEXT) return 'good';
  if (callsFail && !now.busy) return 'error-page';
  if (fullest.graphics <= FEW_GRAPHICS) return 'good';
  return now.busy ? 'loading' : 'bare';
}

/**
 * Takes what a look found.
 * @param endedAt monotonic ms
 * @returns with a fault: the page is to be taken down
 */
export function judgeLook(
  track: Track,
  seen: Seen,
  endedAt: number,
): { readonly track: Track; readonly fault?: Fault } {
  const { suspect } = track;
  if (seen === 'good') return { track: { goodAt: endedAt } };
  if (seen === 'unanswered') return { track, fault: suspect?.fault ?? 'hung' };
  const isVague = seen === 'bare' || seen === 'loading';
  const fault = seen === 'unknown' ? suspect?.fault : isVague ? 'error-page' : seen;
  if (fault === undefined) return { track };
  const since = suspect?.since ?? endedAt;
  const stands = track.goodAt + (seen === 'loading' ? LOADING_STANDS_MS : FAULT_STANDS_MS);
  // Who was given time to load has none left for anything else.
  const until = seen === 'unknown' ? (suspect?.until ?? stands) : stands;
  const isSure = endedAt >= until || (!isVague && endedAt - since >= CONFIRM_MS);
  const next: Track = { goodAt: track.goodAt, suspect: { fault, since, until } };
  return isSure ? { track: next, fault } : { track: next };
}

/** When to look next, from now, and how long to wait for the answer, in ms. @param now monotonic ms */
export function nextLook({ suspect }: Track, now: number, pace: Pace): { inMs: number; answerMs: number } {
  if (suspect === undefined) return { inMs: pace.everyMs, answerMs: pace.answerMs };
  const left = suspect.until - now;
  const inMs = Math.max(SHORTEST_PAUSE_MS, Math.min(CONFIRM_EVERY_MS, left - SHORTEST_ANSWER_MS));
  return { inMs, answerMs: Math.max(SHORTEST_ANSWER_MS, Math.min(pace.answerMs, left - inMs)) };
}
