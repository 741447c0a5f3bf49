import type { WebContents } from 'electron';
import { type DataSeen, type PaintObservation, type PaintVerdict, judgePaint } from '../../core/surface/paint-proof.ts';
import { type PagePicture, takeDrawnPicture, takePicture } from './page-picture.ts';
import { askReady } from './page-probe.ts';

const LOOK_EVERY_MS = 50;
const PICTURE_WITHIN_MS = 2_000;
// A page may hide what proves that it was drawn; a picture that shows something must do then.
const PROOF_WAITED_MS = 6_000;

/** What the watch is told of a page from outside it. */
export interface PaintedPage {
  readonly contents: WebContents;
  /** What its committed main frame is, by its URL. */
  readonly page: () => PaintObservation['page'];
  /** What became of its calls for data. @param last nobody waits for those in flight any more */
  readonly data: (last: boolean) => DataSeen;
  /** True when nobody waits for the answer any more. */
  readonly stopped: () => boolean;
}

export interface PaintResult {
  readonly verdict: Exclude<PaintVerdict, 'pending'>;
  /** The picture that proved it. */
  readonly picture?: PagePicture;
}

/**
 * Looks at an incoming view until it may go on the wall, or until the deadline says that it will not.
 * @param deadlineMs from now
 */
export async function watchPaint(watched: PaintedPage, deadlineMs: number): Promise<PaintResult> {
  const until = performance.now() + deadlineMs;
  let proofUntil: number | undefined;
  for (;;) {
    const over = performance.now() >= until;
    const needsProof = !over && (proofUntil === undefined || performance.now() < proofUntil);
    const { seen, picture, isTried } = await observe(watched, over, needsProof);
    if (isTried) proofUntil ??= performance.now() + PROOF_WAITED_MS;
    const verdict = judgePaint(seen, over);
    if (verdict !== 'pending') return picture === undefined ? { verdict } : { verdict, picture };
    if (watched.stopped() || watched.contents.isDestroyed()) return { verdict: 'failed' };
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * One look. A picture costs megabytes, so one is taken only when it decides: of a page that is ready, or at the last look.
 * @param needsProof only a picture counts in which all of the page has been drawn
 */
async function observe(
  { contents, page, data }: PaintedPage,
  last: boolean,
  needsProof: boolean,
): Promise<{ seen: PaintObservation; picture?: PagePicture | undefined; isTried?: true }> {
  const nothing: PaintObservation = {
    page: page(),
    ready: false,
    content: false,
    framed: false,
    picture: 'none',
    data: data(last),
  };
  if (nothing.page !== 'destination' || contents.isDestroyed()) return { seen: nothing };
  const answer = await askReady(contents);
  const seen = { ...nothing, ...answer, framed: answer !== undefined, data: data(last) };
  const decides = seen.framed && (last || (seen.ready && seen.data !== 'waiting' && seen.data !== 'failing'));
  if (!decides) return { seen };
  const taken = await (needsProof ? takeDrawnPicture : takePicture)(contents, PICTURE_WITHIN_MS);
  return { seen: { ...seen, page: page(), picture: taken?.kind ?? 'none' }, picture: taken?.picture, isTried: true };
}
