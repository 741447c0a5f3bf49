/* eslint-disable no-empty-pattern -- Playwright reads from the pattern which fixtures are wanted */
import { join } from 'node:path';
import { type Desktop, startDesktop } from '../../scripts/display.mjs';
import type { Verdict } from '../../scripts/frame-classifier.mjs';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { type Summary, screenshot, startCapture } from '../../scripts/screen-capture.mjs';
import { type Stage, REGION, ROLE } from './stage.ts';
import { test as base } from './test.ts';

export { expect } from '@playwright/test';

export const OTHER_ACCOUNT = '444455556666';
export const OTHER_ROLE = `arn:aws:iam::${OTHER_ACCOUNT}:role/HarbourDashboards`;
/** Of the other account. */
export const OTHER_DASHBOARD = 'Cranes';

/** For the stage: a second account with a dashboard of its own. */
export const TWO_ACCOUNTS = {
  roles: { [ROLE]: { maxSessionDurationSeconds: 3600 }, [OTHER_ROLE]: { maxSessionDurationSeconds: 3600 } },
  accounts: { [OTHER_ACCOUNT]: { alias: 'harbour', dashboards: [{ name: OTHER_DASHBOARD }] } },
} as const;

/** Settings of a wall with the other account's role and dashboard, beside the default ones, and these displays. */
export function twoAccountSettings(stage: Stage, displays: readonly object[]): object {
  return {
    roles: { harbour: { arn: OTHER_ROLE } },
    dashboards: { cranes: { url: stage.dashboardUrl(OTHER_DASHBOARD), role: 'harbour' } },
    aws: { region: REGION },
    displays,
  };
}

/** The number in a dashboard's strip. */
export function stripOf(stage: Stage, account: string, name: string): number {
  const found = stage.control.dashboards().find((one) => one.account === account && one.name === name);
  if (found === undefined) throw new Error(`The stage has no dashboard ${name} in ${account}.`);
  return found.id;
}

/** What a display shows: a dashboard by the number in its strip, or another kind of picture. */
export type Sight = number | 'blank' | 'notice' | 'dimmed';

/** What was on one display from start to stop. */
export interface DisplayWatching {
  /** Waits until a picture that came after this call shows this. */
  sees(sight: Sight): Promise<void>;
  stop(): Promise<Summary>;
}

/** Several displays side by side, each as somebody before it sees it. */
export class Desk {
  readonly #desktop: Desktop;
  readonly #pictures: string;

  /** @param pictures folder for pictures of blank displays */
  constructor(desktop: Desktop, pictures: string) {
    this.#desktop = desktop;
    this.#pictures = pictures;
  }

  get outputs(): Desktop['outputs'] {
    return this.#desktop.outputs;
  }

  /** Where a display is now, in pixels. @param n counted from 0 */
  place(n: number): { x: number; y: number; width: number; height: number } {
    const output = this.outputs.all[n];
    if (output === undefined) throw new Error(`There is no display ${n}.`);
    const { x, y, width, height } = output;
    return { x, y, width, height };
  }

  /** Captures one display, where it is now, until `stop`. */
  async watch(n: number, fps = 15): Promise<DisplayWatching> {
    const { display, env } = this.#desktop;
    let newest: Verdict | undefined;
    let pictures = 0;
    const capture = await startCapture({
      display,
      env,
      ...this.place(n),
      fps,
      saveBlanksTo: join(this.#pictures, `display-${n}`),
      onFrame: ({ verdict }) => {
        pictures += 1;
        newest = verdict;
      },
    });
    return {
      sees: async (sight) => {
        const from = pictures;
        const look = () => pictures > from && newest !== undefined && isSight(newest, sight);
        try {
          await waitUntil(look, { what: `Display ${n} did not show ${sight}`, timeoutMs: 60_000 });
        } catch (error) {
          const seen = `${String(newest?.kind)} ${String(newest?.dashboardId ?? '')}`;
          throw new Error(`${String(error)}, but ${seen}`, { cause: error });
        }
      },
      stop: () => capture.stop(),
    };
  }

  /** Waits until a display shows this. */
  async shows(n: number, sight: Sight): Promise<void> {
    const watching = await this.watch(n, 10);
    try {
      await watching.sees(sight);
    } finally {
      await watching.stop();
    }
  }

  /** Saves the whole desktop as a picture, for a person to look at. */
  async save(folder: string, name: string): Promise<string> {
    const { display, env } = this.#desktop;
    return screenshot({ display, env, file: join(folder, `${name}.png`) });
  }
}

function isSight(verdict: Verdict, sight: Sight): boolean {
  if (typeof sight === 'number') return verdict.kind === 'dashboard' && verdict.dashboardId === sight;
  return verdict.kind === sight;
}

interface DesktopFixtures {
  readonly desktop: Desktop;
}

/** The tests' own `test`, on a desktop of two displays of 1280 by 720 side by side, fresh for each test. */
export const test = base.extend<{ readonly desk: Desk }, DesktopFixtures>({
  desktop: [
    async ({}, use) => {
      const desktop = await startDesktop({ displays: [SIZE, SIZE] });
      await use(desktop);
      await desktop.stop();
    },
    { scope: 'worker' },
  ],
  display: [
    async ({ desktop }, use) => {
      await use(desktop);
    },
    { scope: 'worker' },
  ],
  desk: async ({ desktop }, use, testInfo) => {
    await desktop.outputs.plugAll();
    await use(new Desk(desktop, testInfo.outputDir));
  },
});

const SIZE = { width: 1280, height: 720 };
