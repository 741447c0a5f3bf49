import { powerSaveBlocker } from 'electron';
import type { Logger } from '../../core/ports.ts';
import { isInstalled, runProgram } from '../../node/run-program.ts';
import { DisplayKeeper } from './display-keeper.ts';

/** All of it at once and at any time: nothing throws, and work goes on behind. */
export interface DisplayPower {
  /** Displays off; for when every surface is in its night. */
  sleep(): void;
  /** Displays on again, and kept on. */
  wake(): void;
  /** The same, said again: after a start, a resume, a display that came. */
  keepLit(): void;
  /** Displays on, and the system's own settings as they were. Never rejects. */
  restore(): Promise<void>;
}

/** The displays of this machine. Must be called when Electron is ready. */
export function createDisplayPower(logger: Logger): DisplayPower {
  const keeper = new DisplayKeeper({
    surroundings: { platform: process.platform, env: process.env, has: (program) => isInstalled(program) },
    run: runProgram,
    blocker: powerSaveBlocker,
    logger,
  });
  const wake = () => void keeper.wakeDisplays();
  return {
    sleep: () => void keeper.sleepDisplays(),
    wake,
    keepLit: wake,
    restore: () => keeper.close(),
  };
}
