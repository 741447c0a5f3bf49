import { type WebContents, app } from 'electron';

const LOOK_EVERY_MS = 1_000;
/** Several times what a large dashboard takes, and less than would trouble a small machine. In KB, as Electron counts. */
const MOST_KB = 1_500_000;

/**
 * Watches the working set of a page's renderer: pages leak over days, and an answer without end fills memory within seconds.
 * @param onTooLarge called once, then the watch has ended
 * @returns ends the watch
 */
export function watchMemory(contents: WebContents, onTooLarge: () => void): () => void {
  const timer = setInterval(() => {
    const pid = contents.isDestroyed() ? 0 : contents.getOSProcessId();
    const metric = app.getAppMetrics().find((one) => one.pid === pid);
    if (metric === undefined || metric.memory.workingSetSize <= MOST_KB) return;
    clearInterval(timer);
    onTooLarge();
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
  };
}
