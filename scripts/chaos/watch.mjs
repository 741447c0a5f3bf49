// What is to be seen on one display of a wall in chaos.
import { waitUntil } from '../lib/process.mjs';
import { startCapture } from '../screen-capture.mjs';

const FPS = 8;

/** @typedef {{ atMs: number, what: 'shows', kind: string, load?: number, display?: number }} Sight */

/**
 * Captures a display until `stop`, and tells each change of what it shows.
 *
 * @param {Parameters<typeof startCapture>[0]} target
 * @param {{ display: number | undefined, doneMs: number, startedAtMs: number, write: (sight: Sight) => void,
 *   onKind: (sight: Sight) => void }} run `doneMs`: of earlier pieces; `startedAtMs`: of this one, ms since the epoch; `onKind` is told when
 *   another kind of thing shows
 */
export async function watchScreen(target, { display, doneMs, startedAtMs, write, onKind }) {
  let shown = '';
  /** @type {number | undefined} */
  let loaded;
  let newestMs = 0;
  let shownAtMs = doneMs;
  /** @type {Awaited<ReturnType<typeof startCapture>> | undefined} */
  let capture;
  const starting = startCapture({
    ...target,
    fps: FPS,
    onFrame: ({ atMs, verdict }) => {
      newestMs = atMs;
      const { kind, loadSeq: load } = verdict;
      if (kind === shown && (load === undefined || load === loaded)) return;
      const isNew = kind !== shown;
      shown = kind;
      loaded = load;
      // The first picture comes before there is anything to ask for its time.
      const takenMs = capture === undefined ? doneMs : doneMs + capture.startedAtMs + atMs - startedAtMs;
      shownAtMs = Math.max(shownAtMs, Math.round(takenMs));
      /** @type {Sight} */
      const sight = {
        atMs: shownAtMs,
        what: 'shows',
        kind,
        ...(load === undefined ? {} : { load }),
        ...(display === undefined ? {} : { display }),
      };
      write(sight);
      if (isNew) onKind(sight);
    },
  });
  capture = await starting;
  const { startedAtMs: firstAtMs, stop } = capture;
  return {
    stop,
    /** Waits until what has been on the display up to now was seen: on a busy machine pictures come late. */
    catchUp: () =>
      waitUntil(() => firstAtMs + newestMs > Date.now() - 1_000, {
        what: 'No more pictures of the screen came',
        timeoutMs: 30_000,
      }),
  };
}
