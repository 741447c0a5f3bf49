import { type ChildProcess, spawn } from 'node:child_process';
import { type ElectronApplication, type Page, _electron } from '@playwright/test';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { electronArguments } from '../../scripts/lib/program.mjs';
import { type Folders, folderEnvironment } from './folders.ts';
import { type LogRecord, WallLog } from './log.ts';
import { type ProcessFacts, processTree } from './processes.ts';

export interface WallOptions {
  readonly executable: string;
  readonly folders: Folders;
  /** The display's environment; of it the wall gets what a program on a desktop needs, and nothing that speaks to it. */
  readonly display: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** The program is not told where its profile is. */
  readonly isDefaultProfile: boolean;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const FROM_DISPLAY = [
  'PATH',
  'LANG',
  'DISPLAY',
  'XAUTHORITY',
  'XDG_SESSION_TYPE',
  'DBUS_SESSION_BUS_ADDRESS',
  'NO_AT_BRIDGE',
];

function environmentFor({ folders, display, environment }: WallOptions): Record<string, string> {
  const desktop: Record<string, string> = {};
  for (const name of FROM_DISPLAY) {
    const value = display[name];
    if (value !== undefined) desktop[name] = value;
  }
  return { ...desktop, ...folderEnvironment(folders), ...environment };
}

function argumentsFor({ folders, flags = [], isDefaultProfile }: WallOptions): string[] {
  return electronArguments(isDefaultProfile ? { flags } : { userData: folders.profile, flags });
}

/** A wall under test. */
export class Wall {
  readonly log: WallLog;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #output = '';
  #isRunning = true;

  protected constructor(child: ChildProcess, options: WallOptions) {
    this.#child = child;
    this.log = new WallLog(options.folders.logs);
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString('latin1');
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isRunning = false;
        resolve({ code, signal });
      });
    });
  }

  /** Starts the wall as a service would: nothing but the process, watched from outside. */
  static start(options: WallOptions): Wall {
    const child = spawn(options.executable, argumentsFor(options), {
      env: environmentFor(options),
      cwd: options.folders.root,
      // A group of its own, so that nothing of it is left when it is killed.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Wall(child, options);
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('The wall could not be started.');
    return pid;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** What it wrote on standard output and error. */
  get output(): string {
    return this.#output;
  }

  /** Waits for a record of the log; ends with an error when the wall does. */
  says(event: string, options: { after?: number; where?: (record: LogRecord) => boolean } = {}): Promise<LogRecord> {
    const failed = () => (this.#isRunning ? undefined : `The wall ended (${this.#output.slice(-2_000).trim()})`);
    return this.log.next(event, { ...options, failed });
  }

  /** Waits until it has gone live this many times, and gives the record. */
  isLive(times = 1): Promise<LogRecord> {
    return this.says('session.live', { after: times - 1 });
  }

  /** The wall's own process and all that it started. */
  processes(): readonly ProcessFacts[] {
    return processTree(this.pid);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end, and ends what is left of it if it does not. */
  async stop(): Promise<void> {
    if (this.#isRunning) {
      this.#child.kill('SIGTERM');
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, 10_000))]);
    }
    this.killAll();
    await this.ended;
  }

  protected killAll(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // There is nobody left in its group.
    }
  }
}

/** A wall that is driven from inside: its main process and its pages can be asked. */
export class DrivenWall extends Wall {
  readonly app: ElectronApplication;

  private constructor(app: ElectronApplication, options: WallOptions) {
    super(app.process(), options);
    this.app = app;
  }

  static async drive(options: WallOptions): Promise<DrivenWall> {
    const app = await _electron.launch({
      // Without it switches are added that hide how covered views behave.
      executablePath: options.executable,
      args: argumentsFor(options),
      env: environmentFor(options),
      cwd: options.folders.root,
    });
    return new DrivenWall(app, options);
  }

  /** Our own page that stands where there is no dashboard. */
  notice(): Promise<Page> {
    return this.#page((url) => url.startsWith('vigil://notice/'), 'a notice');
  }

  /** The line over a picture whose data are old. */
  strip(): Promise<Page> {
    return this.#page((url) => url.startsWith('vigil://strip/'), 'a strip');
  }

  /** The console page that is open now; while two are open, the newer one. */
  console(): Promise<Page> {
    return this.#page((url) => new URL(url).pathname.startsWith('/cloudwatch/'), 'a console page');
  }

  async #page(fits: (url: string) => boolean, what: string): Promise<Page> {
    const look = () =>
      this.app
        .windows()
        .filter((page) => !page.isClosed() && URL.canParse(page.url()) && fits(page.url()))
        .at(-1);
    return waitUntil(look, { what: `There was not ${what}`, timeoutMs: 60_000 });
  }

  override async stop(): Promise<void> {
    await this.app.close().catch(() => undefined);
    await super.stop();
  }
}
