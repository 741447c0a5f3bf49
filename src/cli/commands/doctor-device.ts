/** The doctor on this machine as a device of an auto-id server of protocol 2. */
import { deviceFromSettings } from '../../aws/auto-id.ts';
import { notEnrolled } from '../../autoid/v2/device-book.ts';
import { toAppError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings/schema.ts';
import { NOTABLE_SKEW_MS } from '../clock-check.ts';
import type { Ports } from '../context.ts';
import { remedyFor } from '../remedies.ts';
import { type Check, failed, fine, skipped } from './doctor-check.ts';

/** Whether this machine is enrolled, and can go on in its chain of steps. */
export async function deviceCheck(settings: Settings, ports: Ports): Promise<Check> {
  if (settings.server.endpoint === undefined || settings.server.deviceFile === undefined) {
    return skipped('device', 'The settings do not name the server and the device file.');
  }
  try {
    const { book } = await deviceFromSettings(settings, ports);
    const { enrolled } = await book.look();
    if (enrolled === undefined && settings.server.activationCode !== undefined) {
      return fine(
        'device',
        'This machine is not enrolled yet; its activation code is there, and is used at the first need.',
      );
    }
    if (enrolled === undefined) throw notEnrolled(settings.server.deviceFile);
    // The same document again: what cannot be written shows now, and not when the next step is due.
    await book.change((record) => ({ ...record }));
    const { deviceId, serverId, step, floor } = enrolled;
    return fine(
      'device',
      `It is ${deviceId} of the server ${serverId}, at step ${step.n}, with keys of generation ${floor.generation} or later.`,
    );
  } catch (thrown) {
    return failed('device', toAppError(thrown).toFailure());
  }
}

/** What the server's sealed answers said of this machine's clock: nobody on the way can have changed that. */
export function deviceClockCheck(aheadMs: number | undefined): Check {
  if (aheadMs === undefined) return skipped('device-clock', 'The server gave no sealed answer.');
  if (Math.abs(aheadMs) < NOTABLE_SKEW_MS) return fine('device-clock', "This clock agrees with the auto-id server's.");
  const sentence = `This clock is ${Math.round(Math.abs(aheadMs) / 1000)} seconds ${aheadMs > 0 ? 'ahead of' : 'behind'} the auto-id server's; requests are corrected by it.`;
  return { name: 'device-clock', status: 'warn', sentence, remedy: remedyFor('DEVICE_CLOCK_WRONG') };
}
