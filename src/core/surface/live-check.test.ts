import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONTENT_PACE,
  PICTURE_PACE,
  type Pace,
  type Seen,
  type Track,
  judgeContent,
  judgeLook,
  nextLook,
} from './live-check.ts';

const CHECK_MS = 10_000;

/** A page over time: what a question that is put at a time finds, and after how many ms (Infinity: never). */
type Page = (askedAt: number) => { readonly seen: Seen; readonly afterMs: number };

/** Looks at a page until it is taken down, at most for `forMs`; when that was, and for what. */
function watch(page: Page, pace: Pace, forMs: number) {
  let now = 0;
  let track: Track = { goodAt: 0 };
  let looks = 0;
  while (now < forMs) {
    const { inMs, answerMs } = nextLook(track, now, pace);
    now += inMs;
    const { seen, afterMs } = page(now);
    const answered = afterMs < answerMs;
    now += answered ? afterMs : answerMs;
    const judged = judgeLook(track, answered ? seen : 'unanswered', now);
    track = judged.track;
    looks += 1;
    if (judged.fault !== undefined) return { fault: judged.fault, at: now, looks };
  }
  return { fault: undefined, at: now, looks };
}

const beginning = fc.integer({ min: 0, max: 60_000 });
const slow = fc.integer({ min: 0, max: 1_400 });

describe('a page that is watched', () => {
  it('is taken down within 10 s of when it began to hang', () => {
    fc.assert(
      fc.property(beginning, slow, (begins, afterMs) => {
        const page: Page = (at) => ({ seen: 'good', afterMs: at + afterMs > begins ? Infinity : afterMs });
        const { fault, at } = watch(page, CONTENT_PACE, 200_000);
        return fault === 'hung' && at >= begins && at - begins <= CHECK_MS;
      }),
    );
  });

  it('is taken down within 10 s of when it went blank or became an error page, however slowly it answers', () => {
    const fault = fc.constantFrom<('blank' | 'error-page' | 'bare')[]>('blank', 'error-page', 'bare');
    fc.assert(
      fc.property(beginning, fc.integer({ min: 0, max: 4_900 }), fault, (begins, afterMs, bad) => {
        // What is told was true when the answer came.
        const page: Page = (at) => ({ seen: at + afterMs > begins ? bad : 'good', afterMs });
        const seen = watch(page, CONTENT_PACE, 200_000);
        return seen.fault === (bad === 'bare' ? 'error-page' : bad) && seen.at - begins <= CHECK_MS;
      }),
    );
  });

  it('is taken down within 10 s of when its picture became one colour, even if some pictures cannot be had', () => {
    fc.assert(
      fc.property(beginning, slow, fc.boolean(), (begins, afterMs, unsteady) => {
        let bad = 0;
        const page: Page = (at) => {
          if (at + afterMs <= begins) return { seen: 'good', afterMs };
          bad += 1;
          return { seen: unsteady && bad % 2 === 0 ? 'unknown' : 'one-colour', afterMs };
        };
        const seen = watch(page, PICTURE_PACE, 200_000);
        return seen.fault === 'one-colour' && seen.at - begins <= CHECK_MS;
      }),
    );
  });

  it('may be busy for 4.5 s at any moment, again and again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 1, max: 20_000 }), (first, pause) => {
        const page: Page = (at) => {
          const into = (at - first) % (4_500 + pause);
          return { seen: 'good', afterMs: at >= first && into < 4_500 ? 4_500 - into : 1 };
        };
        return watch(page, CONTENT_PACE, 300_000).fault === undefined;
      }),
    );
  });

  it('may be blank for a second, and of one colour for a second, at any moment', () => {
    fc.assert(
      fc.property(beginning, fc.constantFrom(CONTENT_PACE, PICTURE_PACE), (begins, pace) => {
        const page: Page = (at) => ({ seen: at >= begins && at < begins + 1_000 ? 'blank' : 'good', afterMs: 1 });
        return watch(page, pace, 100_000).fault === undefined;
      }),
    );
  });

  it('may be bare for 5 s at any moment, while it is drawn anew', () => {
    fc.assert(
      fc.property(beginning, (begins) => {
        const page: Page = (at) => ({ seen: at >= begins && at < begins + 5_000 ? 'bare' : 'good', afterMs: 1 });
        return watch(page, CONTENT_PACE, 100_000).fault === undefined;
      }),
    );
  });

  it('may load for 25 s, but not for ever', () => {
    fc.assert(
      fc.property(beginning, (begins) => {
        const loads =
          (forMs: number): Page =>
          (at) => ({
            seen: at >= begins && at < begins + forMs ? 'loading' : 'good',
            afterMs: 1,
          });
        const { fault, at } = watch(loads(Infinity), CONTENT_PACE, 200_000);
        const forgiven = watch(loads(25_000), CONTENT_PACE, 200_000).fault === undefined;
        return forgiven && fault === 'error-page' && at - begins <= 31_000;
      }),
    );
  });

  it('is not forgiven a blank page for having loaded before', () => {
    fc.assert(
      fc.property(beginning, fc.integer({ min: 0, max: 20_000 }), (begins, forMs) => {
        const page: Page = (at) => ({
          seen: at < begins ? 'good' : at < begins + forMs ? 'loading' : 'blank',
          afterMs: 1,
        });
        const { fault, at } = watch(page, CONTENT_PACE, 200_000);
        return fault === 'blank' && at - begins - forMs <= CHECK_MS;
      }),
    );
  });

  it('is not suspected for what cannot be told', () => {
    expect(watch(() => ({ seen: 'unknown', afterMs: 1 }), CONTENT_PACE, 100_000).fault).toBeUndefined();
  });

  it('is not looked at more often than it costs', () => {
    expect(watch(() => ({ seen: 'good', afterMs: 1 }), CONTENT_PACE, 60_000).looks).toBe(15);
    expect(watch(() => ({ seen: 'good', afterMs: 1 }), PICTURE_PACE, 60_000).looks).toBe(8);
  });
});

describe('the content of a page', () => {
  const painted = { graphics: 8, busy: false };

  it('is blank without graphics and words, whatever was there', () => {
    expect(judgeContent({ graphics: 0, text: 0, busy: false }, painted, false)).toBe('blank');
    expect(judgeContent({ graphics: 0, text: 19, busy: false }, { graphics: 0, text: 900, busy: false }, false)).toBe(
      'blank',
    );
    expect(judgeContent({ graphics: 0, text: 0, busy: true }, painted, false)).toBe('loading');
    expect(judgeContent({ graphics: 0, text: 0, busy: true }, { graphics: 0, text: 0, busy: true }, false)).toBe(
      'good',
    );
  });

  it('is an error page where calls fail, graphics are gone and a few words are left', () => {
    const bare = { graphics: 1, text: 140, busy: false };
    expect(judgeContent(bare, painted, true)).toBe('error-page');
    expect(judgeContent(bare, painted, false)).toBe('bare');
    expect(judgeContent(bare, { graphics: 2, text: 900, busy: false }, false)).toBe('good');
    expect(judgeContent({ ...bare, text: 700 }, painted, true)).toBe('good');
    expect(judgeContent({ ...bare, busy: true }, painted, true)).toBe('loading');
    expect(judgeContent({ graphics: 3, busy: false }, painted, true)).toBe('good');
    // A dashboard with a single graphic that is still there, whatever else of it fails.
    expect(judgeContent({ graphics: 1, text: 140, busy: false }, { graphics: 1, text: 140, busy: false }, true)).toBe(
      'good',
    );
  });

  it('is an error page where calls fail and a page of text has lost most of it', () => {
    const text = { graphics: 0, text: 800, busy: false };
    expect(judgeContent({ graphics: 0, text: 150, busy: false }, text, true)).toBe('error-page');
    expect(judgeContent({ graphics: 0, text: 500, busy: false }, text, true)).toBe('good');
  });
});
