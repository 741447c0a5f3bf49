/** Processes as the system knows them: which is which, whether it lives, and how it is ended with all that belongs to it. */
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const POWERSHELL_MS = 15_000;

/**
 * What tells a process from a later one with the same id: when it began. Undefined if there is no such process, or it has ended and only
 * waits to be reaped. Where the system does not say when, it is `unknown`.
 */
export async function identityOf(pid: number): Promise<string | undefined> {
  if (!isThere(pid)) return undefined;
  if (process.platform === 'linux') return linuxIdentity(pid);
  const output =
    process.platform === 'win32'
      ? await run('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`])
      : await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
  return output === undefined || output === '' ? 'unknown' : output;
}

/** Whether the process with this identity still lives; cheap enough to ask every second. */
export function isAlive(pid: number, identity: string): boolean {
  if (!isThere(pid)) return false;
  return process.platform !== 'linux' || linuxIdentity(pid) === identity;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** proc(5): the 22nd field of stat is the start in ticks since boot; the second is the name, in which anything may stand. */
function linuxIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${bootId()} ${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function run(file: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: POWERSHELL_MS, windowsHide: true }, (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined);
    });
  });
}

/**
 * The leader of the process group in which the variable has the value; undefined if there is none, or the system does not say (only Linux
 * does). Finds a wall whose supervisor was killed before it could write its id down.
 */
export function findByEnvironment(name: string, value: string): number | undefined {
  if (process.platform !== 'linux') return undefined;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (!readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0').includes(`${name}=${value}`)) continue;
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      // The third field after the name is the process group.
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === pid) return pid;
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }
  return undefined;
}

/**
 * Signals a wall and all that it started: its process group, or on Windows its tree, where every signal is the end. Nothing is said of what
 * is gone already.
 */
export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (process.platform === 'win32') {
    void run('taskkill', ['/PID', String(pid), '/T', '/F']);
    return;
  }
  try {
    // The main process alone is asked: it ends its own. Force is for all.
    process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
  } catch {
    // It is gone.
  }
}

/** Whether anything of the group still lives, its leader included. */
export function isGroupAlive(pid: number): boolean {
  if (process.platform === 'win32') return isThere(pid);
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
