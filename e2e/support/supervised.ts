import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { electronArguments, plainEnvironment } from '../../scripts/lib/program.mjs';
import { makeManifest } from '../../src/cli/supervise/make-manifest.ts';
import { type Folders, folderEnvironment } from './folders.ts';
import type { LogRecord } from './log.ts';

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const PLATFORM = `${process.platform}-${process.arch}`;

export interface SupervisedOptions {
  readonly folders: Folders;
  /** The display's environment. */
  readonly display: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** Electron. */
  readonly executable: string;
}

/** A supervisor with its folder, whose versions are the wall under test, each behind a script of its own. */
export class Supervised {
  readonly root: string;
  readonly #options: SupervisedOptions;
  readonly #keys = generateKeyPairSync('ed25519');
  #child: ChildProcess | undefined;
  #output = '';

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.root = join(options.folders.root, 'supervisor');
  }

  /** Makes a signed version; `script` is what it does instead of being the wall. */
  async make(version: string, script?: string): Promise<string> {
    const { folders, executable } = this.#options;
    const folder = join(folders.root, 'made', version);
    await mkdir(folder, { recursive: true });
    const words = [executable, ...electronArguments({ userData: folders.profile })].map((word) => `'${word}'`);
    await writeFile(join(folder, 'vigil-wall'), `#!/bin/sh\n${script ?? `exec ${words.join(' ')} "$@"`}\n`);
    await chmod(join(folder, 'vigil-wall'), 0o755);
    await writeFile(join(folder, 'version'), version);
    const key = this.#keys.privateKey;
    await makeManifest({ folder, version, platform: PLATFORM, executable: 'vigil-wall', key });
    return folder;
  }

  /** Copies a version to where it is looked for, the manifest last. */
  async put(into: 'versions' | 'incoming', version: string, script?: string): Promise<string> {
    const from = await this.make(version, script);
    const folder = join(this.root, into, version);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    for (const name of ['vigil-wall', 'version', 'manifest.json.sig', 'manifest.json']) {
      await copyFile(join(from, name), join(folder, name));
    }
    return folder;
  }

  async start(): Promise<void> {
    const { folders, display, environment } = this.#options;
    const key = join(folders.root, 'release.pub');
    await writeFile(key, this.#keys.publicKey.export({ type: 'spki', format: 'pem' }));
    this.#child = spawn(process.execPath, [command, 'supervise', '--root', this.root, '--public-key', key], {
      cwd: folders.root,
      env: { ...plainEnvironment(display), ...folderEnvironment(folders), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString('utf8');
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
  }

  get output(): string {
    return this.#output;
  }

  /** What the supervisor has logged so far under this name. */
  said(event: string): readonly LogRecord[] {
    return this.#output
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogRecord] : []))
      .filter((record) => record.event === event);
  }

  /** Waits until it has said this more than `before` times, and gives the newest. */
  async says(event: string, before = 0): Promise<LogRecord> {
    await waitUntil(() => this.said(event).length > before || this.#child?.exitCode !== null, {
      what: `The supervisor did not say ${event}`,
      // The longest: three checks without an answer, the grace, and a start.
      timeoutMs: 150_000,
    });
    const found = this.said(event)[before];
    if (found === undefined) throw new Error(`The supervisor ended: ${this.#output.slice(-2_000)}`);
    return found;
  }

  /** The process of the newest wall. */
  wallPid(): number {
    return Number(this.said('wall.start').at(-1)?.['pid']);
  }

  async pointer(): Promise<string | undefined> {
    const text = await readFile(join(this.root, 'current'), 'utf8').catch(() => '{}');
    return (JSON.parse(text) as { version?: string }).version;
  }

  async pointsAt(version: string): Promise<void> {
    await waitUntil(async () => (await this.pointer()) === version, {
      what: `The pointer did not come to name ${version}`,
      timeoutMs: 150_000,
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Resolves with the exit code. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    await waitUntil(() => child.exitCode !== null || child.signalCode !== null, {
      what: 'The supervisor did not end',
      timeoutMs: 60_000,
    });
    return child.exitCode;
  }

  async stop(): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) {
      this.kill('SIGTERM');
      await this.ended().catch(() => undefined);
    }
    this.kill('SIGKILL');
    for (const { pid } of this.said('wall.start') as readonly { pid?: number }[]) {
      try {
        if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }
}
