import type { Session, WebContents } from 'electron';
import type { Fault } from '../../core/surface/live-check.ts';
import type { DataCalls } from './data-calls.ts';
import { LiveWatch } from './live-watch.ts';
import { askContent } from './page-probe.ts';
import type { PictureKeeper } from './picture-keeper.ts';
import { watchSessionCookies } from './session-cookies.ts';

export interface GuardedPage {
  readonly contents: WebContents;
  readonly session: Session;
  readonly calls: DataCalls;
  readonly pictures: PictureKeeper;
}

export interface LiveGuardEvents {
  /** Told once. */
  fault(fault: Fault): void;
  /** The cookies of the session are gone; told once. */
  cookiesGone(): void;
}

/** Watches over a dashboard that has painted, until it is ended. */
export class LiveGuard {
  readonly #watch: LiveWatch;
  readonly #endCookies: () => void;
  readonly #endCommits: () => void;

  constructor({ contents, session, calls, pictures }: GuardedPage, events: LiveGuardEvents) {
    let commits = 0;
    const committed = () => {
      commits += 1;
    };
    contents.on('did-navigate', committed);
    this.#endCommits = () => {
      contents.off('did-navigate', committed);
    };
    this.#endCookies = watchSessionCookies(session, contents.getURL(), () => {
      events.cookiesGone();
    });
    this.#watch = new LiveWatch(
      {
        content: async (answerMs, isOnTop) => {
          const before = commits;
          // A page that ends while it is looked at says nothing; that it ended is told by others.
          const content = await askContent(contents, answerMs, isOnTop).catch(() => 'unknown' as const);
          // A page that is replaced while it is asked takes the question with it.
          return content === 'unanswered' && commits !== before ? 'unknown' : content;
        },
        picture: (answerMs) => pictures.look(answerMs).catch(() => undefined),
        callsFail: () => calls.isFailing,
      },
      {
        fault: (fault) => {
          events.fault(fault);
        },
        well: () => {
          pictures.tell();
        },
      },
    );
  }

  /** Says whether the page is on top: only then its content and its picture are held against it. */
  onTop(isOnTop: boolean): void {
    this.#watch.onTop(isOnTop);
  }

  end(): void {
    this.#watch.end();
    this.#endCookies();
    this.#endCommits();
  }
}
