/**
 * What became of a page's own calls for data: none were made; some are on their way and none has succeeded; all failed; all were
 * refused (403, 404), so that asking again will not help; at least one succeeded.
 */
export type DataSeen = 'none' | 'waiting' | 'failing' | 'refused' | 'answered';

/** What was seen of an incoming view at one look. */
export interface PaintObservation {
  /** The main frame's committed page, by its URL. */
  readonly page: 'destination' | 'elsewhere' | 'sign-in' | 'none';
  /** The page says that it has content: the readiness probe. */
  readonly ready: boolean;
  /** There is something to see on it, whether or not it says that it is busy. */
  readonly content: boolean;
  /** Two animation frames went by after the probe. */
  readonly framed: boolean;
  /** The picture, if one was taken: empty, of one colour, or with something in it. */
  readonly picture: 'none' | 'empty' | 'one-colour' | 'varied';
  readonly data: DataSeen;
}

/** `without-data`: it painted, but what it shows are empty widgets, or the console's own page that says why. */
export type PaintVerdict = 'pending' | 'painted' | 'unverified' | 'failed' | 'without-data';

/**
 * Whether a view may go on the wall. Proof is all of: a page of the destination's console and service committed, the readiness
 * probe, two animation frames, a picture neither empty nor of one colour, and no sign that its data did not come: a page whose calls have
 * all failed would replace a live picture by empty widgets. A page that is seen to make no calls is taken at its looks. At the
 * deadline a page that is all but the probe, or still waits for its first data, goes live as unverified, since the console's own ways
 * may change under us; one that has nothing to show but a skeleton does not.
 */
export function judgePaint(seen: PaintObservation, deadlineReached: boolean): PaintVerdict {
  const visible = seen.page === 'destination' && seen.framed && seen.picture === 'varied';
  if (visible && seen.data === 'refused' && (seen.ready || deadlineReached)) return 'without-data';
  if (visible && seen.ready && (seen.data === 'none' || seen.data === 'answered')) return 'painted';
  if (!deadlineReached) return 'pending';
  if (!visible) return 'failed';
  if (seen.data === 'failing') return 'without-data';
  return seen.content ? 'unverified' : 'failed';
}
