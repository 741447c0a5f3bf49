import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** A program of the system with its fixed arguments. */
export interface ProgramCall {
  /** A name on the PATH, or an absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** It is killed after this time, in ms. */
  readonly withinMs: number;
}

export interface ProgramResult {
  /** It ended by itself with code 0. */
  readonly ok: boolean;
  /** What it wrote on standard output, in UTF-8; cut after 64 KiB. */
  readonly output: string;
  /** Why it is not ok: a clause, such as "it is not installed"; empty when it is. */
  readonly why: string;
}

export type RunProgram = (call: ProgramCall) => Promise<ProgramResult>;

const LONGEST_OUTPUT = 65_536;
const LONGEST_COMPLAINT = 300;

// What programs of a desktop need in order to find it; the settings of a wall are none of their business.
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|DISPLAY|XAUTHORITY|WAYLAND_DISPLAY|XDG_.*|DBUS_SESSION_BUS_ADDRESS|SWAYSOCK|SYSTEMROOT|WINDIR|TEMP|TMP)$/i;

/** Runs a program of the system without a shell, in English, with nothing on its input. Never rejects, and never waits longer than told. */
export const runProgram: RunProgram = ({ command, args, withinMs }) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      env: { ...desktopEnvironment(process.env), LC_ALL: 'C' },
    });
    let output = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(0, LONGEST_OUTPUT);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, LONGEST_COMPLAINT);
    });
    const end = (ok: boolean, why: string) => {
      clearTimeout(late);
      // A program that it left behind may hold them open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve({ ok, output, why });
    };
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      end(false, `it did not end within ${Math.round(withinMs / 1000)} s`);
    }, withinMs);
    child.once('error', (error: NodeJS.ErrnoException) => {
      end(false, error.code === 'ENOENT' ? 'it is not installed' : `it could not be started (${error.message})`);
    });
    child.once('exit', (code, signal) => {
      // What it wrote last may still be on its way.
      setImmediate(() => {
        const [said = ''] = complaint.trim().split('\n');
        const how = code === null ? `it was ended by ${signal ?? 'a signal'}` : `it ended with code ${code}`;
        end(code === 0, code === 0 ? '' : said === '' ? how : `${how}: ${said}`);
      });
    });
  });

/** What of an environment goes to programs of the desktop. */
export function desktopEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && PASSED_ON.test(name) ? [[name, value]] : [],
    ),
  );
}

/** Whether a program is there to be run: by its absolute path, or by its name on the PATH. */
export function isInstalled(command: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const paths = isAbsolute(command) ? [command] : (env['PATH'] ?? '').split(delimiter).map((one) => join(one, command));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}
