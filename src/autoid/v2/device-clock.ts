import type { Clock, Logger } from '../../core/ports.ts';

/** A server's time that took longer than this to come is not believed, in ms. */
const LONGEST_ROUND_TRIP_MS = 30_000;
/** A clock that is wrong by more is corrected and told of, in ms; servers accept twice as much. */
const NOTABLE_MS = 60_000;

/** This machine's clock, corrected by what sealed replies say of the time. */
export interface DeviceClock {
  /** The time as corrected, in ms since the epoch. */
  now(): number;
  /** Takes the time of a sealed reply to a request sent at this monotonic time. Whether it could be believed. */
  hear(serverNow: number, sentAt: number): boolean;
  /** How far this machine's own clock is ahead of the server's, in ms, as of the last reply; undefined before one. */
  aheadMs(): number | undefined;
}

/** A clock that is right until a server says otherwise. */
export function createDeviceClock(clock: Clock, logger: Logger): DeviceClock {
  let correctionMs = 0;
  let ahead: number | undefined;
  return {
    now: () => Math.max(0, Math.round(clock.now() + correctionMs)),
    hear(serverNow, sentAt) {
      const tookMs = clock.monotonic() - sentAt;
      if (tookMs < 0 || tookMs > LONGEST_ROUND_TRIP_MS) return false;
      ahead = Math.round(clock.now() - tookMs / 2 - serverNow);
      const next = Math.abs(ahead) > NOTABLE_MS ? -ahead : 0;
      // Told when it goes wrong, changes by as much again, or is right once more.
      if (Math.abs(next - correctionMs) > NOTABLE_MS) {
        if (next === 0) logger.log('info', 'device.clock-right', { aheadMs: ahead });
        else logger.log('warn', 'device.clock-wrong', { aheadMs: ahead });
      }
      correctionMs = next;
      return true;
    },
    aheadMs: () => ahead,
  };
}
