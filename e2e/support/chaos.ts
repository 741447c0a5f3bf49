import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Display } from '../../scripts/display.mjs';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { type Fault, type FaultProxy, startFaultProxy, targetsOf } from '../../src/standin/fault-proxy/index.ts';
import type { KeySet, StandinOptions } from '../../src/standin/index.ts';
import { eavesdrop } from './eavesdropper.ts';
import { type Eyes, type Picture, keepPictures, watchThrough } from './eyes.ts';
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
}

const KEPT_AT_MOST = 20;
const NETWORK_SOON = { network: { timeoutSeconds: 2 }, wall: { paintDeadlineSeconds: 15 } };

export const test = base.extend<{ eyes: Eyes }>({
  // The tray of the worker keeps its icon from test to test, for a wall may last through several.
  tray: async ({ sharedTray }, use) => {
    await use(sharedTray);
  },
  eyes: async ({ display }, use, testInfo) => {
    const kept: Picture[] = [];
    await use({
      through: async (act) => {
        const seen = await watchThrough(display, act, (picture) => {
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
    const network = await startFaultProxy({ targets });
    writeFileSync(join(folders.profile, 'settings.json'), JSON.stringify({ ...NETWORK_SOON, ...options.settings }));
    options.before?.(folders);
    sharedTray.forget();
    const start: WallOptions = {
      executable,
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

export { CHECK_MS, expectNothingForLong, expectToHaveBeenCovered, expectToHaveStood } from './eyes.ts';
export { expect } from './test.ts';
