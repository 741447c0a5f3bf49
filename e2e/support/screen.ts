import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Display } from '../../scripts/display.mjs';
import type { Kind, Verdict } from '../../scripts/frame-classifier.mjs';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { type Summary, screenshot, startCapture } from '../../scripts/screen-capture.mjs';

/** What was on the screen from start to stop. */
export interface Watching {
  /** Waits until a picture that came after this call shows this. */
  sees(kind: Kind): Promise<void>;
  /** What the newest picture shows. */
  now(): Kind | undefined;
  /** Milliseconds since the epoch of the first picture. */
  readonly startedAtMs: number;
  stop(): Promise<Summary>;
}

/** One display as somebody before it sees it. */
export class Screen {
  readonly #display: Display;
  readonly #blanksTo: string;

  /** @param blanksTo folder for pictures of blank screens */
  constructor(display: Display, blanksTo: string) {
    this.#display = display;
    this.#blanksTo = blanksTo;
  }

  /** Captures the whole screen until `stop`. */
  async watch(fps = 30): Promise<Watching> {
    const { display, env, width, height } = this.#display;
    let newest: Verdict | undefined;
    let pictures = 0;
    const capture = await startCapture({
      display,
      env,
      width,
      height,
      fps,
      saveBlanksTo: this.#blanksTo,
      onFrame: ({ verdict }) => {
        pictures += 1;
        newest = verdict;
      },
    });
    return {
      startedAtMs: capture.startedAtMs,
      now: () => newest?.kind,
      sees: async (kind) => {
        const from = pictures;
        await waitUntil(() => pictures > from && newest?.kind === kind, {
          what: `The screen did not show ${kind}, but ${String(newest?.kind)},`,
          timeoutMs: 60_000,
        });
      },
      stop: () => capture.stop(),
    };
  }

  /** Waits until the screen shows this. */
  async shows(kind: Kind): Promise<void> {
    const watching = await this.watch(10);
    try {
      await watching.sees(kind);
    } finally {
      await watching.stop();
    }
  }

  /** Saves the screen as a picture, for a person to look at. */
  async save(folder: string, name: string): Promise<string> {
    const { display, env } = this.#display;
    return screenshot({ display, env, file: join(folder, `${name}.png`) });
  }

  /** Position and size, in pixels, of the windows that are to be seen and have this title. */
  windows(title: string): readonly { x: number; y: number; width: number; height: number }[] {
    const ids = this.xdotool(['search', '--onlyvisible', '--name', `^${title}$`])
      .split('\n')
      .filter(Boolean);
    return ids.flatMap((id) => {
      const text = this.xdotool(['getwindowgeometry', '--shell', id]);
      const value = (name: string) => Number(new RegExp(`^${name}=(-?\\d+)$`, 'm').exec(text)?.[1]);
      return text === '' ? [] : [{ x: value('X'), y: value('Y'), width: value('WIDTH'), height: value('HEIGHT') }];
    });
  }

  /** What a person does with keys and pointer: runs xdotool on this display and gives its output. */
  xdotool(args: readonly string[]): string {
    const { error, stdout } = spawnSync('xdotool', args, { env: this.#display.env, encoding: 'utf8' });
    if (error !== undefined) throw new Error('xdotool is not installed: run npm run bootstrap', { cause: error });
    return stdout.trim();
  }
}
