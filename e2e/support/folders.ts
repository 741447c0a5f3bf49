import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folders of one test; everything that a wall writes is below `root`. */
export interface Folders {
  readonly root: string;
  readonly home: string;
  /** The app's `userData`, at its usual place in the home folder. */
  readonly profile: string;
  readonly logs: string;
  readonly temporary: string;
  /** Where the stand-in publishes its keys. */
  readonly keys: string;
  remove(): Promise<void>;
}

export async function makeFolders(): Promise<Folders> {
  // Chromium puts a socket into the temporary folder, and a socket's path has 107 characters at most.
  const root = await mkdtemp(join(tmpdir(), 'vigil-e2e-'));
  const home = join(root, 'home');
  const profile = join(home, '.config', 'Vigil');
  const folders = {
    root,
    home,
    profile,
    logs: join(profile, 'logs'),
    temporary: join(root, 'tmp'),
    keys: join(root, 'keys'),
  };
  for (const folder of [profile, folders.temporary]) await mkdir(folder, { recursive: true });
  await mkdir(join(root, 'run'), { mode: 0o700 });
  return { ...folders, remove: () => rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }) };
}

/** Where a program finds its user's folders (XDG Base Directory Specification), all of them below `root`. */
export function folderEnvironment({ root, home, temporary }: Folders): Record<string, string> {
  return {
    HOME: home,
    TMPDIR: temporary,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
    XDG_STATE_HOME: join(home, '.local', 'state'),
    XDG_RUNTIME_DIR: join(root, 'run'),
  };
}
