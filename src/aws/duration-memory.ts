import type { Clock } from '../core/ports.ts';
import type { DurationRung } from '../core/renewal/duration-ladder.ts';

export type DurationUse = 'assume-role' | 'federation';

/** What duration AWS granted last, per use and role. */
export interface DurationMemory {
  recall(use: DurationUse, roleArn: string): DurationRung | undefined;
  remember(use: DurationUse, roleArn: string, rung: DurationRung): void;
}

/** A role's settings change now and then: what was learned is tried anew after a day, in ms. */
const FORGET_AFTER_MS = 24 * 3600 * 1000;

/** A memory that lasts as long as the process. Keep one for all sign-ins of a program. */
export function createDurationMemory(clock: Clock): DurationMemory {
  const known = new Map<string, { readonly rung: DurationRung; readonly since: number }>();
  const keyOf = (use: DurationUse, roleArn: string): string => `${use} ${roleArn}`;
  return {
    recall(use, roleArn) {
      const found = known.get(keyOf(use, roleArn));
      if (found === undefined || clock.monotonic() - found.since > FORGET_AFTER_MS) return undefined;
      return found.rung;
    },
    remember(use, roleArn, rung) {
      const key = keyOf(use, roleArn);
      // The day counts from when it was learned, not from when it was last of use.
      if (this.recall(use, roleArn) !== rung) known.set(key, { rung, since: clock.monotonic() });
    },
  };
}
