import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import type { Display } from '../../scripts/display.mjs';
import type { Frame, Kind } from '../../scripts/frame-classifier.mjs';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { startCapture } from '../../scripts/screen-capture.mjs';
import {
  type Fault,
  type FaultProxy,
  type FaultProxyOptions,
  startFaultProxy,
  targetsOf,
} from '../../src/standin/fault-proxy/index.ts';
import type { KeySet, StandinOptions } from '../../src/standin/index.ts';
import { eavesdrop } from './eavesdropper.ts';
import { type Folders, makeFolders } from './folders.ts';
import { askForSignIn, failToRenew, renew } from './renewals.ts';
import { SecretSearch } from './secret-search.ts';
import { type Stage, USER, openStage } from './stage.ts';
import { test as base, expect } from './test.ts';
import { processTree, residentBytes } from './processes.ts';
import type { TrayHost } from './tray.ts';
import { DrivenWall, Wall, type WallOptions } from './wall.ts';

/** Of the worker: they outlive the test that asks for them. */
export interface Surroundings {
  readonly display: Display;
  readonly executable: string;
  readonly sharedKeys: KeySet;
  readonly sharedTray: TrayHost;
}

export interface TrialOptions {
  readonly standin?: StandinOptions;
  /** Written into the user's settings file. */
  readonly settings?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** It can be asked from inside. */
  readonly isDriven?: boolean;
  /** Done before the wall is started. */
  readonly before?: (folders: Folders) => void;
  /** Makes the network; it has the stand-in's targets unless it says otherwise. */
  readonly network?: (stage: Stage, folders: Folders) => Partial<FaultProxyOptions>;
  /** The program to start instead of Electron, which it is to become. */
  readonly program?: (executable: string, folders: Folders) => string;
}

/** The longest that anything but a dashboard, its dimmed picture or our own page may stand: one check (s. `live-check.ts`), measured generously. */
export const CHECK_MS = 12_000;
const NETWORK_SOON = { network: { timeoutSeconds: 2 }, wall: { paintDeadlineSeconds: 15 } };
const PICTURES_A_SECOND = 15;

const KEPT_AT_MOST = 20;
/** What a wall shows of its own accord. */
const EXPECTED: readonly Kind[] = ['dashboard', 'dimmed', 'notice'];

/** Captures the screen while something happens. */
export interface Eyes {
  /** From a dashboard, through whatever happens, to a dashboard. */
  through(act: (eyes: { readonly sees: (...kinds: Kind[]) => Promise<void> }) => Promise<void>): Promise<Seen>;
}

export interface Seen {
  /** What was on the screen, one after the other. */
  readonly stretches: readonly { readonly kind: Kind; readonly fromMs: number; readonly ms: number }[];
}

export const test = base.extend<{ eyes: Eyes }>({
  // The tray of the worker keeps its icon from test to test, for a wall may last through several.
  tray: async ({ sharedTray }, use) => {
    await use(sharedTray);
  },
  eyes: async ({ display }, use, testInfo) => {
    const kept: Picture[] = [];
    await use({
      through: async (act) => {
        const seen = await watch(display, act, (picture) => {
          if (kept.length < KEPT_AT_MOST) kept.push(picture);
        });
        const description = seen.stretches.map(({ kind, ms }) => `${kind} ${String(ms)} ms`).join(', ');
        testInfo.annotations.push({ type: 'seen', description });
        return seen;
      },
    });
    if (testInfo.status !== 'passed') keepPictures(testInfo.outputDir, kept);
  },
});

interface Picture {
  readonly kind: Kind;
  readonly atMs: number;
  readonly frame: Frame;
}

/** @param onChange is given the first picture of each kind in turn */
async function watch(
  display: Display,
  act: Parameters<Eyes['through']>[0],
  onChange: (picture: Picture) => void,
): Promise<Seen> {
  const stretches: { kind: Kind; fromMs: number; ms: number }[] = [];
  let kind: Kind = 'unknown';
  let newestMs = 0;
  const capture = await startCapture({
    ...display,
    fps: PICTURES_A_SECOND,
    onFrame: ({ atMs, verdict, frame }) => {
      const last = stretches.at(-1);
      newestMs = Math.round(atMs);
      if (last !== undefined) last.ms = newestMs - last.fromMs;
      kind = verdict.kind;
      if (last?.kind === kind) return;
      stretches.push({ kind, fromMs: newestMs, ms: 0 });
      onChange({ kind, atMs: newestMs, frame });
    },
  });
  // On a busy machine pictures come late: what counts is when they were taken.
  const sees = async (...kinds: Kind[]) => {
    const from = Date.now() - capture.startedAtMs;
    await waitUntil(() => newestMs > from && kinds.includes(kind), {
      what: `The screen did not show ${kinds.join(' or ')}`,
      timeoutMs: 60_000,
    });
  };
  try {
    await sees('dashboard');
    await act({ sees });
    await sees('dashboard');
  } finally {
    await capture.stop();
  }
  return { stretches };
}

function keepPictures(folder: string, pictures: readonly Picture[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { kind, atMs, frame } of pictures) {
    const { width, height, data } = frame;
    const png = new PNG({ width, height });
    for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
      png.data.set(data.subarray(from, from + 3), to);
      png.data[to + 3] = 255;
    }
    writeFileSync(join(folder, `at-${String(atMs)}-ms-${kind}.png`), PNG.sync.write(png));
  }
}

/** A wall that is live, before a network and servers that misbehave as told; it lasts through as many faults as a test file has for it. */
export class Trial {
  readonly wall: Wall;
  readonly stage: Stage;
  readonly network: FaultProxy;
  readonly #folders: Folders;
  readonly #tray: TrayHost;
  readonly #secrets: () => SecretSearch;
  readonly #close: () => void;

  private constructor(parts: {
    wall: Wall;
    stage: Stage;
    network: FaultProxy;
    folders: Folders;
    tray: TrayHost;
    secrets: () => SecretSearch;
    close: () => void;
  }) {
    this.wall = parts.wall;
    this.stage = parts.stage;
    this.network = parts.network;
    this.#folders = parts.folders;
    this.#tray = parts.tray;
    this.#secrets = parts.secrets;
    this.#close = parts.close;
  }

  /** Starts all of it and waits until the wall is live. */
  static async begin(
    { display, executable, sharedKeys, sharedTray }: Surroundings,
    options: TrialOptions = {},
  ): Promise<Trial> {
    const folders = await makeFolders();
    // From here on, so that the secrets of the first sign-in are heard, too.
    const eavesdropper = eavesdrop();
    const stage = await openStage(sharedKeys, folders.keys, { pollMs: 500, ...options.standin });
    const targets = targetsOf(stage.urls, stage.ports);
    const network = await startFaultProxy({ targets, ...options.network?.(stage, folders) });
    writeFileSync(join(folders.profile, 'settings.json'), JSON.stringify({ ...NETWORK_SOON, ...options.settings }));
    options.before?.(folders);
    sharedTray.forget();
    const start: WallOptions = {
      executable: options.program?.(executable, folders) ?? executable,
      folders,
      display: display.env,
      environment: { ...stage.environment, ...options.environment },
      flags: [...network.flags, ...(options.flags ?? [])],
      isDefaultProfile: false,
    };
    const wall = options.isDriven === true ? await DrivenWall.drive(start) : Wall.start(start);
    const secrets = () =>
      new SecretSearch([...eavesdropper.secrets, { name: "the user's key", value: USER.secretAccessKey }]);
    const close = () => {
      eavesdropper.stop();
    };
    const trial = new Trial({ wall, stage, network, folders, tray: sharedTray, secrets, close });
    try {
      await wall.isLive();
    } catch (error) {
      await trial.end();
      throw error;
    }
    return trial;
  }

  /** Ends all of it. */
  async end(): Promise<void> {
    await this.wall.stop();
    await this.#endSuccessor();
    this.#close();
    await this.network.stop();
    await this.stage.stop();
    await this.#folders.remove();
  }

  /** Ends all of it, and looks for secrets in what the wall has written. */
  async endWithoutSecrets(): Promise<void> {
    const { wall } = this;
    wall.kill('SIGTERM');
    await this.#endSuccessor();
    await wall.ended;
    const [log, output, search] = [wall.log.text(), wall.output, this.#secrets()];
    await this.end();
    expect(search.inText(log, 'log')).toEqual([]);
    expect(search.inText(output, 'standard output and error')).toEqual([]);
  }

  /** A wall that has started itself anew is nobody's child any more. */
  async #endSuccessor(): Promise<void> {
    const left = () =>
      processTree(1).filter(
        ({ pid, commandLine }) =>
          pid !== this.wall.pid && commandLine.includes(`--user-data-dir=${this.#folders.profile}`),
      );
    for (const { pid, commandLine } of left()) if (!commandLine.includes('--type=')) process.kill(pid, 'SIGTERM');
    await waitUntil(() => left().length === 0, { what: 'The wall did not end', timeoutMs: 30_000 });
  }

  /** The wall, where it was begun as one that can be asked from inside. */
  get driven(): DrivenWall {
    if (this.wall instanceof DrivenWall) return this.wall;
    throw new Error('This wall cannot be asked from inside: begin it with isDriven.');
  }

  askForSignIn(): Promise<void> {
    return askForSignIn(this.wall, this.#tray);
  }

  renew() {
    return renew(this.wall, this.#tray);
  }

  failToRenew() {
    return failToRenew(this.wall, this.#tray);
  }

  /** How often the wall has gone live so far. */
  get lives(): number {
    return this.wall.log.of('session.live').length;
  }

  /** Sign-ins that have reached the stand-in: those that got credentials, and those that asked the auto-id server. */
  get signIns(): { readonly begun: number; readonly logins: number } {
    return {
      begun: this.stage.asked('sts', 'AssumeRole').length,
      logins: this.stage.asked('federation', 'login').length,
    };
  }

  /** Number of the console session that the wall's newest page belongs to. */
  get session(): number {
    return this.stage.control.pageLoads().at(-1)?.session ?? 0;
  }

  /** Has the page that is on the wall do this; resolves when it was told. */
  async tellPage(trick: Parameters<Stage['control']['tellPages']>[0]): Promise<void> {
    const { control } = this.stage;
    const load = control.pageLoads().at(-1)?.load;
    control.tellPages(trick, { session: this.session, part: 'main' });
    await waitUntil(() => control.dataCalls().some((call) => call.load === load && call.trick !== undefined), {
      what: 'The page did not ask for data',
      timeoutMs: 30_000,
    });
  }

  /** Kills the processes of the wall whose command line has this text, and says how many there were. */
  kill(text: string): number {
    const found = this.#processesWith(text);
    for (const { pid } of found) process.kill(pid, 'SIGKILL');
    return found.length;
  }

  count(text: string): number {
    return this.#processesWith(text).length;
  }

  /** The most memory, in bytes, that one of them holds. */
  largestBytes(text: string): number {
    return Math.max(...this.#processesWith(text).map(({ pid }) => residentBytes(pid)));
  }

  #processesWith(text: string) {
    return this.wall.processes().filter(({ commandLine }) => commandLine.includes(text));
  }

  /** Switches a fault of the network on while `during` runs. */
  async through<T>(fault: Fault, during: () => Promise<T>): Promise<T> {
    await this.network.control.on('trial', fault);
    try {
      return await during();
    } finally {
      await this.network.control.off('trial');
    }
  }
}

/**
 * Tests with one wall, one after the other; after one that failed the others get a fresh wall. Pages that come to a bad end again and again
 * are opened more and more slowly, and so are sessions that are lost, so there are a few of them for each wall.
 */
export function onOneWall(what: string, options: TrialOptions, tests: (trial: () => Trial) => void): void {
  test.describe(what, () => {
    test.describe.configure({ mode: 'default' });
    let trial: Trial | undefined;
    test.beforeAll(async ({ display, executable, sharedKeys, sharedTray }) => {
      trial = await Trial.begin({ display, executable, sharedKeys, sharedTray }, options);
    });
    test.afterAll(async () => {
      await trial?.endWithoutSecrets();
      trial = undefined;
    });
    tests(() => {
      if (trial === undefined) throw new Error('There is no wall.');
      return trial;
    });
  });
}

/** Every picture has shown the dashboard. */
export function expectToHaveStood({ stretches }: Seen): void {
  expect(stretches).toMatchObject([{ kind: 'dashboard', fromMs: 0 }]);
}

/**
 * The picture could not stand. What was there in its place was the last one, dimmed, or our own page, and before that what the fault made of
 * it, for no longer than a check takes.
 * @param spoiled what the fault makes of the picture
 */
export function expectToHaveBeenCovered({ stretches }: Seen, spoiled: 'blank' | 'unknown' = 'blank'): void {
  const others = stretches.filter(({ kind }) => !EXPECTED.includes(kind));
  expect(others.filter(({ kind, ms }) => kind !== spoiled || ms > CHECK_MS)).toEqual([]);
  // The dashboard itself may be back before the last picture is up.
  const after = stretches.flatMap(({ kind }, at) => (kind === spoiled ? [stretches[at + 1]?.kind] : []));
  expect(after.filter((kind) => kind !== 'dimmed' && kind !== 'dashboard')).toEqual([]);
}

/** Nothing but the dashboard has stood for longer than a check takes. */
export function expectNothingForLong({ stretches }: Seen): void {
  expect(stretches.filter(({ kind, ms }) => kind !== 'dashboard' && ms > CHECK_MS)).toEqual([]);
}

export { expect } from './test.ts';
