/** A supervisor's folder with signed versions of fake walls in it, and what the walls lived through. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { makeManifest } from '../make-manifest.ts';
import { type Root, prepareRoot, readPointer, readRemembered, rootAt } from '../root.ts';

export const PLATFORM = `${process.platform}-${process.arch}`;
export const pinnedNode = fileURLToPath(new URL('../../../../node_modules/node/bin/node', import.meta.url));

/** For programs that are started again and again from their sources: they need not be compiled anew each time. */
export const COMPILED_ONCE = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../../../node_modules/.cache/node-compile', import.meta.url)),
};

/** How a fake wall behaves; nothing said: it is live at once and stays so. */
export interface Behaviour {
  readonly exit?: number;
  readonly signal?: NodeJS.Signals;
  readonly silent?: boolean;
  readonly ill?: boolean;
  readonly stubborn?: boolean;
  readonly say?: string;
}

export interface Stage {
  readonly root: Root;
  readonly folder: string;
  readonly privateKey: ReturnType<typeof generateKeyPairSync>['privateKey'];
  readonly publicKey: ReturnType<typeof generateKeyPairSync>['publicKey'];
  /** Makes a signed version in a folder of its own, and returns that. */
  make(version: string, behaviour?: Behaviour, changes?: MakeChanges): Promise<string>;
  /** Makes a version and puts it into versions/ as an installer would. */
  install(version: string, behaviour?: Behaviour, changes?: MakeChanges): Promise<string>;
  /** Makes a version and drops it into incoming/. */
  drop(version: string, behaviour?: Behaviour, changes?: MakeChanges): Promise<string>;
  ledger(): Promise<readonly Entry[]>;
  /** The newest wall's entries. */
  pointer(): Promise<string | undefined>;
  refused(): Promise<boolean>;
  /** Waits until the newest wall is of this version and has been live. */
  isLive(version: string): Promise<number>;
  file(name: string): string;
  close(): Promise<void>;
}

export interface MakeChanges {
  readonly key?: Stage['privateKey'];
  readonly platform?: string;
}

export interface Entry {
  readonly version: string;
  readonly pid: number;
  readonly what: string;
}

export async function createStage(): Promise<Stage> {
  const base = await mkdtemp(join(tmpdir(), 'vigil-supervise-'));
  const folder = join(base, 'walls');
  await mkdir(folder);
  const root = rootAt(join(base, 'root'));
  await prepareRoot(root, true);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  let made = 0;

  const stage: Stage = {
    root,
    folder,
    privateKey,
    publicKey,
    async make(version, behaviour = {}, { key = privateKey, platform = PLATFORM } = {}) {
      const at = join(base, `made-${++made}`);
      await mkdir(join(at, 'resources'), { recursive: true });
      await copyFile(new URL('fake-wall.mjs', import.meta.url), join(at, 'resources', 'wall.mjs'));
      await writeFile(join(at, 'resources', 'behaviour.json'), JSON.stringify({ version, ...behaviour }));
      await writeFile(join(at, 'resources', 'ballast'), Buffer.alloc(3_000, made));
      await writeFile(join(at, 'wall'), `#!/bin/sh\nexec "${pinnedNode}" "$(dirname "$0")/resources/wall.mjs" "$@"\n`);
      await chmod(join(at, 'wall'), 0o755);
      await makeManifest({ folder: at, version, platform, executable: 'wall', key });
      return at;
    },
    async install(version, behaviour, changes) {
      const at = join(root.versions, version);
      await cp(await stage.make(version, behaviour, changes), at, { recursive: true });
      return at;
    },
    async drop(version, behaviour, changes) {
      const from = await stage.make(version, behaviour, changes);
      const at = join(root.incoming, version);
      await cp(from, at, { recursive: true });
      return at;
    },
    async ledger() {
      const text = await readFile(join(folder, 'ledger'), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [version = '', pid = '', ...what] = line.split(' ');
          return { version, pid: Number(pid), what: what.join(' ') };
        });
    },
    pointer: () => readPointer(root),
    async refused() {
      return Object.values(await readRemembered(root)).some(({ refused }) => refused);
    },
    isLive: (version) =>
      vi.waitFor(
        async () => {
          const entries = await stage.ledger();
          const newest = entries.findLast(({ what }) => what.startsWith('start'));
          if (newest?.version !== version) throw new Error(`${newest?.version ?? 'nothing'} runs`);
          if (!entries.some(({ pid, what }) => pid === newest.pid && what === 'live')) throw new Error('not live');
          return newest.pid;
        },
        { timeout: 110_000, interval: 50 },
      ),
    file: (name) => join(folder, name),
    async close() {
      for (const name of await readdir(folder)) {
        const pid = Number(/^alive-(\d+)$/.exec(name)?.[1] ?? 0);
        try {
          if (pid > 0) process.kill(pid, 'SIGKILL');
        } catch {
          // It is gone.
        }
      }
      await rm(base, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return stage;
}

/** A program of ours as a process of its own, from its source. */
export function runScript(name: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const script = fileURLToPath(new URL(name, import.meta.url));
  return spawn(pinnedNode, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...COMPILED_ONCE, ...env },
  });
}

/** Flips one bit of a file, in its middle. */
export async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(path, bytes);
}
