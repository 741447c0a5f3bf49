import { EventEmitter, once } from 'node:events';
import type { WebContents } from 'electron';
import { expect, it } from 'vitest';
import { startHeartbeat } from './heartbeat.ts';

const options = { everyMs: 1, withinMs: 20, misses: 2 };

/** A page that answers as `answer` says, and tells of each beat. */
function page(answer: (beat: number) => Promise<unknown>) {
  const beats = new EventEmitter();
  let count = 0;
  const contents = {
    executeJavaScript: () => {
      count += 1;
      beats.emit(`beat-${count}`);
      return answer(count);
    },
  } as unknown as WebContents;
  return { contents, beats };
}

const never = () => new Promise<never>(() => undefined);

it('calls a page hung that misses beats in a row, once', async () => {
  const { contents } = page(never);
  await new Promise<void>((resolve) => startHeartbeat(contents, options, resolve));
});

it('forgives single misses, and pages that refuse to answer', async () => {
  const { contents, beats } = page((beat) => (beat % 3 === 0 ? never() : Promise.reject(new Error('navigating'))));
  let hung = false;
  const end = startHeartbeat(contents, options, () => {
    hung = true;
  });
  await once(beats, 'beat-12');
  end();
  expect(hung).toBe(false);
});
