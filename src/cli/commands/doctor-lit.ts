/** The doctor's look at what could switch the display off by day: display sleep, screen saver, lock screen, automatic suspend. */
import { isInstalled, type ProgramCall, type RunProgram, runProgram } from '../../node/run-program.ts';
import { linuxLit } from './doctor-lit-linux.ts';
import { macLit } from './doctor-lit-mac.ts';
import { windowsLit } from './doctor-lit-windows.ts';

export const LIT_CHECKS = ['display-sleep', 'screen-saver', 'lock-screen', 'auto-suspend'] as const;

export type LitName = (typeof LIT_CHECKS)[number];

/** `ok`: nothing will happen, or the wall prevents it. `warn`: what to do is the remedy. `skip`: cannot be told here. */
export interface LitCheck {
  readonly name: LitName;
  readonly status: 'ok' | 'warn' | 'skip';
  readonly sentence: string;
  readonly remedy?: string;
}

export type Judgement = Omit<LitCheck, 'name'>;

/** What the checks go by. */
export interface LitSurroundings {
  /** As `process.platform`. */
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly has: (program: string) => boolean;
  readonly run: RunProgram;
}

/** Asks a program of the system; undefined when it has no answer. */
export type Ask = (command: string, ...args: readonly string[]) => Promise<string | undefined>;

const WITHIN_MS = 10_000;

/**
 * One line for each of {@link LIT_CHECKS}, in that order. Only looks: nothing is changed. Never rejects; programs that hang are given up
 * after 10 s each.
 */
export async function litChecks(surroundings: LitSurroundings = here()): Promise<readonly LitCheck[]> {
  const ask: Ask = async (command, ...args) => {
    const call: ProgramCall = { command, args, withinMs: WITHIN_MS };
    const { ok, output } = await surroundings.run(call);
    return ok ? output : undefined;
  };
  const judgements = await judge(surroundings, ask);
  return LIT_CHECKS.map((name) => ({ name, ...judgements[name] }));
}

function judge(surroundings: LitSurroundings, ask: Ask): Promise<Readonly<Record<LitName, Judgement>>> {
  switch (surroundings.platform) {
    case 'win32':
      return windowsLit(ask);
    case 'darwin':
      return macLit(ask);
    default:
      return linuxLit(surroundings, ask);
  }
}

function here(): LitSurroundings {
  return { platform: process.platform, env: process.env, has: (program) => isInstalled(program), run: runProgram };
}
