/** What was seen of an incoming view at one look. */
export interface PaintObservation {
  /** The main frame's committed page, by its URL. */
  readonly page: 'destination' | 'elsewhere' | 'sign-in' | 'none';
  /** The page says that it has content: the readiness probe. */
  readonly ready: boolean;
  /** Two animation frames went by after the probe. */
  readonly framed: boolean;
  /** The picture, if one was taken: empty, of one colour, or with something in it. */
  readonly picture: 'none' | 'empty' | 'one-colour' | 'varied';
}

export type PaintVerdict = 'pending' | 'painted' | 'unverified' | 'failed';

/**
 * Whether a view may go on the wall. Proof is all of: a page of the destination's console and service committed, the readiness
 * probe, two animation frames, and a picture neither empty nor of one colour. At the deadline a page that is all but the probe goes live
 * as unverified, since the console's own markup may change under us.
 */
export function judgePaint(seen: PaintObservation, deadlineReached: boolean): PaintVerdict {
  const visible = seen.page === 'destination' && seen.framed && seen.picture === 'varied';
  if (visible && seen.ready) return 'painted';
  if (!deadlineReached) return 'pending';
  return visible ? 'unverified' : 'failed';
}
