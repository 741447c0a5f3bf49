/** What a supervisor is given. */
import type { KeyObject } from 'node:crypto';
import type { Clock, Logger, Random } from '../../core/ports.ts';
import type { SupervisorPolicy } from '../../core/supervisor/state.ts';
import type { Root } from './root.ts';

export interface Times {
  /** Between two looks into versions/ and incoming/, in ms. */
  readonly scanMs: number;
  /** A wall that does not answer within this is silent, in ms. */
  readonly answerMs: number;
  /** The longest without a look at the clock, in ms. */
  readonly lookMs: number;
  /** A disk that takes longer than this is not waited for, in ms. */
  readonly diskMs: number;
}

export const DEFAULT_TIMES: Times = { scanMs: 30_000, answerMs: 5_000, lookMs: 30_000, diskMs: 10_000 };

export interface SupervisorOptions {
  readonly root: Root;
  /** Keys that versions must be signed with; none: versions/ is not looked at. */
  readonly keys: readonly KeyObject[];
  readonly platform: string;
  readonly allowDowngrade: boolean;
  /** The wall beside the command, if there is one. */
  readonly installed?: { readonly file: string; readonly version: string };
  /** The wall named on the command line: then it is the only one. */
  readonly command?: readonly [string, ...string[]];
  /** Arguments for every wall but one named on the command line. */
  readonly wallArguments: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Takes what must not be logged. */
  readonly onSecret: (secret: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: SupervisorPolicy;
  readonly times: Times;
}
