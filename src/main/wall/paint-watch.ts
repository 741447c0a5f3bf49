import type { WebContents } from 'electron';
import { type DataSeen, type PaintObservation, type PaintVerdict, judgePaint } from '../../core/surface/paint-proof.ts';
import { type PagePicture, takePicture } from './page-picture.ts';
import { askReady } from './page-probe.ts';

const LOOK_EVERY_MS = 50;
const PICTURE_WITHIN_MS = 2_000;

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
  for (;;) {
    const over = performance.now() >= until;
    const { seen, picture } = await observe(watched, over);
    const verdict = judgePaint(seen, over);
    if (verdict !== 'pending') return picture === undefined ? { verdict } : { verdict, picture };
    if (watched.stopped() || watched.contents.isDestroyed()) return { verdict: 'failed' };
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** One look. A picture costs megabytes, so one is taken only when it decides: of a page that is ready, or at the last look. */
async function observe(
  { contents, page, data }: PaintedPage,
  last: boolean,
): Promise<{ seen: PaintObservation; picture?: PagePicture | undefined }> {
  const nothing: PaintObservation = { page: page(), ready: false, framed: false, picture: 'none', data: data(last) };
  if (nothing.page !== 'destination' || contents.isDestroyed()) return { seen: nothing };
  const answer = await askReady(contents);
  const seen = { ...nothing, framed: answer !== undefined, ready: answer?.ready === true, data: data(last) };
  const decides = seen.framed && (last || (seen.ready && seen.data !== 'waiting' && seen.data !== 'failing'));
  if (!decides) return { seen };
  const { kind, picture } = await takePicture(contents, PICTURE_WITHIN_MS);
  return { seen: { ...seen, page: page(), picture: kind }, picture };
}
