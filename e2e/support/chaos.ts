import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Display } from '../../scripts/display.mjs';
import { type Kind, classifyFrame } from '../../scripts/frame-classifier.mjs';
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
import type { TrayHost } from './tray.ts';
import { Wall } from './wall.ts';

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
  /** Makes the network; it has the stand-in's targets unless it says otherwise. */
  readonly network?: (stage: Stage, folders: Folders) => Partial<FaultProxyOptions>;
  /** The program to start instead of Electron, which it is to become. */
  readonly program?: (executable: string, folders: Folders) => string;
}

/** The longest that anything but a dashboard, its dimmed picture or our own page may stand: one check (s. `live-check.ts`), measured generously. */
const CHECK_MS = 12_000;
const NETWORK_SOON = { network: { timeoutSeconds: 2 }, wall: { paintDeadlineSeconds: 15 } };
const PICTURES_A_SECOND = 15;

/** A picture of the screen that shows none of these is kept, for a person to look at. */
const EXPECTED: readonly Kind[] = ['dashboard', 'dimmed', 'notice'];

/** Captures the screen while something happens. */
export interface Eyes {
  /** From a dashboard, through whatever happens, to a dashboard. */
  through(act: (eyes: { sees(...kinds: Kind[]): Promise<void> }) => Promise<void>): Promise<Seen>;
}

export interface Seen {
  /** What was on the screen, one after the other. */
  readonly stretches: readonly { readonly kind: string; readonly fromMs: number; readonly ms: number }[];
}

export const test = base.extend<{ eyes: Eyes }>({
  // The tray of the worker keeps its icon from test to test, for a wall may last through several.
  tray: async ({ sharedTray }, use) => {
    await use(sharedTray);
  },
  eyes: async ({ display }, use, testInfo) => {
    await use({ through: (act) => watch(display, testInfo.outputDir, act) });
  },
});

async function watch(display: Display, folder: string, act: Parameters<Eyes['through']>[0]): Promise<Seen> {
  const stretches: { kind: Kind; fromMs: number; ms: number }[] = [];
  let pictures = 0;
  let kind: Kind = 'unknown';
  const capture = await startCapture({
    ...display,
    fps: PICTURES_A_SECOND,
    saveBlanksTo: folder,
    // Kept as if blank; what it was is told by the stretches.
    classify: (frame) => {
      const verdict = classifyFrame(frame);
      kind = verdict.kind;
      return EXPECTED.includes(kind) ? verdict : { ...verdict, kind: 'blank' };
    },
    onFrame: ({ atMs }) => {
      pictures += 1;
      const last = stretches.at(-1);
      if (last !== undefined) last.ms = Math.round(atMs) - last.fromMs;
      if (last?.kind !== kind) stretches.push({ kind, fromMs: Math.round(atMs), ms: 0 });
    },
  });
  const sees = async (...kinds: Kind[]) => {
    const from = pictures;
    await waitUntil(() => pictures > from && kinds.includes(kind), {
      what: `The screen did not show ${kinds.join(' or ')}, but ${kind},`,
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
    sharedTray.forget();
    const wall = Wall.start({
      executable: options.program?.(executable, folders) ?? executable,
      folders,
      display: display.env,
      environment: { ...stage.environment, ...options.environment },
      flags: [...network.flags, ...(options.flags ?? [])],
      isDefaultProfile: false,
    });
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
    this.#close();
    await this.network.stop();
    await this.stage.stop();
    await this.#folders.remove();
  }

  /** Ends all of it, and looks for secrets in what the wall has written. */
  async endWithoutSecrets(): Promise<void> {
    this.wall.kill('SIGTERM');
    await this.wall.ended;
    const { wall } = this;
    const [log, output, search] = [wall.log.text(), wall.output, this.#secrets()];
    await this.end();
    expect(search.inText(log, 'log')).toEqual([]);
    expect(search.inText(output, 'standard output and error')).toEqual([]);
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

  /** The processes of the wall whose command line has this text. */
  kill(text: string): number {
    const found = this.wall.processes().filter(({ commandLine }) => commandLine.includes(text));
    for (const { pid } of found) process.kill(pid, 'SIGKILL');
    return found.length;
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

/** Every picture has shown the dashboard. */
export function expectToHaveStood({ stretches }: Seen): void {
  expect(stretches).toMatchObject([{ kind: 'dashboard', fromMs: 0 }]);
}

/**
 * The picture could not stand. What was there in its place was the last picture, dimmed, or our own page; anything else, such as what the
 * fault made of the page, for no longer than a check.
 */
export function expectToHaveBeenCovered({ stretches }: Seen): void {
  const bare = stretches.filter(({ kind, ms }) => (kind === 'blank' || kind === 'unknown') && ms > CHECK_MS);
  expect(bare).toEqual([]);
  expect(stretches.length).toBeGreaterThan(1);
}

export { expect } from './test.ts';
