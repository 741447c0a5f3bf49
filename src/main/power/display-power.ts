import { powerSaveBlocker } from 'electron';
import type { Logger } from '../../core/ports.ts';
import { isInstalled, runProgram } from '../../node/run-program.ts';
import { DisplayKeeper } from './display-keeper.ts';

/** All of it at any time and as often as one likes: nothing throws, and the work goes on behind. */
export interface DisplayPower {
  /** Displays off; for when every surface is in its night. */
  sleep(): void;
  /** Displays on, and kept on. */
  wake(): void;
  /** What was asked for last, once more: after a resume, or when a display came. Before anything was asked for: on. */
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
  let isAsked = false;
  const wake = () => {
    isAsked = true;
    void keeper.wakeDisplays();
  };
  return {
    sleep() {
      isAsked = true;
      void keeper.sleepDisplays();
    },
    wake,
    keepLit() {
      if (isAsked) void keeper.again();
      else wake();
    },
    restore: () => keeper.close(),
  };
}
