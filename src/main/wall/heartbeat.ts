import type { WebContents } from 'electron';

export interface HeartbeatOptions {
  /** Time between beats, in ms. */
  readonly everyMs: number;
  /** How long a page may take to answer one, in ms. */
  readonly withinMs: number;
  /** Beats in a row that may go unanswered before the page counts as hung. */
  readonly misses: number;
}

/**
 * Asks a page for a sign of life, for Chromium's own `unresponsive` needs input that nobody gives a wall. A page that is hidden answers
 * too: nothing is asked of its painting.
 * @param onHung called once, then the heartbeat has ended
 * @returns ends the heartbeat
 */
export function startHeartbeat(contents: WebContents, options: HeartbeatOptions, onHung: () => void): () => void {
  let missed = 0;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    ended = true;
    clearTimeout(timer);
  };
  const beat = async () => {
    const answered = await Promise.race([
      contents.executeJavaScript('true').then(
        () => true,
        // A page that is just being replaced rejects; that it is gone is told by others.
        () => true,
      ),
      new Promise<false>((resolve) => setTimeout(resolve, options.withinMs, false)),
    ]);
    if (ended) return;
    missed = answered ? 0 : missed + 1;
    if (missed >= options.misses) {
      end();
      onHung();
      return;
    }
    timer = setTimeout(() => void beat(), options.everyMs);
  };
  timer = setTimeout(() => void beat(), options.everyMs);
  return end;
}
