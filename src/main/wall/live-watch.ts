import {
  CONTENT_PACE,
  type Fault,
  PICTURE_PACE,
  PICTURE_WAITS_MS,
  type Pace,
  type PageContent,
  type Seen,
  type Track,
  judgeContent,
  judgeLook,
  nextLook,
} from '../../core/surface/live-check.ts';

/** What the watch asks of a page. */
export interface WatchedPage {
  /** @param isOnTop whether it matters if its graphics are in sight */
  content(answerMs: number, isOnTop: boolean): Promise<PageContent | 'unanswered' | 'unknown'>;
  /** Whether its picture shows something; undefined where that cannot be seen. */
  picture(answerMs: number): Promise<boolean | undefined>;
  /** Whether calls for data have failed since the last one that succeeded. */
  callsFail(): boolean;
}

export interface LiveWatchEvents {
  /** Told once; the watch has ended. */
  fault(fault: Fault): void;
  /** The page is on top and was found to be well. */
  well(): void;
}

// A timer that comes later than this says that this process itself was held up: nothing was wrong with the page.
const HELD_UP_MS = 1_500;

/**
 * Watches a live page: that it answers, that it still has content, and, while it is on top, that its picture shows something. Chromium's own
 * `unresponsive` needs input, which nobody gives a wall. Of a page that is covered only answers are asked for, since it need not paint.
 */
export class LiveWatch {
  readonly #page: WatchedPage;
  readonly #events: LiveWatchEvents;
  /** The most that was ever on the page: what it is held against. */
  #fullest: PageContent = { graphics: 0, text: 0, busy: false };
  #isOnTop = false;
  #ended = false;
  readonly #timers: { content?: NodeJS.Timeout; picture?: NodeJS.Timeout } = {};
  /** Counts the times that the page came on top, so that a look from before says nothing of it. */
  #turn = 0;
  /** When its picture was last looked at, by the monotonic clock; undefined while it is under suspicion, or just being looked at. */
  #picturedAt: number | undefined;

  constructor(page: WatchedPage, events: LiveWatchEvents) {
    this.#page = page;
    this.#events = events;
    void this.#see();
    this.#watchContent({ goodAt: performance.now() });
  }

  /** What has just painted is what the page is held against first. */
  async #see(): Promise<void> {
    const content = await this.#page.content(CONTENT_PACE.answerMs, false);
    if (content !== 'unanswered' && content !== 'unknown') this.#hold(content);
  }

  #hold(content: PageContent): void {
    if (isFuller(content, this.#fullest)) this.#fullest = content;
  }

  onTop(isOnTop: boolean): void {
    if (this.#ended || isOnTop === this.#isOnTop) return;
    this.#isOnTop = isOnTop;
    this.#turn += 1;
    clearTimeout(this.#timers.picture);
    this.#picturedAt = undefined;
    if (isOnTop) this.#watchPicture({ goodAt: performance.now() }, this.#turn);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timers.content);
    clearTimeout(this.#timers.picture);
  }

  #watchContent(track: Track): void {
    const look = async (answerMs: number): Promise<Seen> => {
      const content = await this.#page.content(answerMs, this.#isOnTop);
      if (content === 'unanswered' || content === 'unknown') return content;
      const callsFail = this.#page.callsFail();
      const seen = judgeContent(content, this.#fullest, callsFail);
      if (seen === 'good' && !callsFail) this.#hold(content);
      if (!this.#isOnTop) return 'good';
      if (seen === 'good' && !this.#ended) {
        this.#events.well();
        if (content.inSight === true) this.#sparePicture();
      }
      return seen;
    };
    this.#timers.content = this.#next(track, CONTENT_PACE, look, (next) => {
      this.#watchContent(next);
    });
  }

  #watchPicture(track: Track, turn: number): void {
    const isOver = () => turn !== this.#turn;
    const look = async (answerMs: number): Promise<Seen> => {
      this.#picturedAt = undefined;
      const shows = await this.#page.picture(answerMs);
      if (shows === true && !isOver()) this.#picturedAt = performance.now();
      // Where none can be had (a display asleep, a graphics process that starts anew), none can be held against the page.
      return shows === false && !isOver() ? 'one-colour' : 'good';
    };
    this.#timers.picture = this.#next(track, PICTURE_PACE, look, (next) => {
      if (!isOver()) this.#watchPicture(next, turn);
    });
  }

  /** The page is in sight: that counts as a look at its picture, unless it is time for a real one. */
  #sparePicture(): void {
    const now = performance.now();
    if (this.#picturedAt === undefined || now - this.#picturedAt >= PICTURE_WAITS_MS) return;
    clearTimeout(this.#timers.picture);
    this.#watchPicture({ goodAt: now }, this.#turn);
  }

  /** One look in time to come, and what follows. */
  #next(track: Track, pace: Pace, look: (answerMs: number) => Promise<Seen>, goOn: (track: Track) => void) {
    const planned = performance.now();
    const { inMs, answerMs } = nextLook(track, planned, pace);
    const taken = async () => {
      const seen = await look(answerMs);
      if (this.#ended) return;
      const now = performance.now();
      if (now - planned > inMs + answerMs + HELD_UP_MS) {
        goOn({ goodAt: now });
        return;
      }
      const { track: next, fault } = judgeLook(track, seen, now);
      if (fault === undefined) {
        goOn(next);
        return;
      }
      this.end();
      this.#events.fault(fault);
    };
    return setTimeout(() => {
      void taken();
    }, inMs);
  }
}

function isFuller(now: PageContent, before: PageContent): boolean {
  return now.graphics > before.graphics || (now.graphics === before.graphics && (now.text ?? 0) > (before.text ?? 0));
}
