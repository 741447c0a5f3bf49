import {
  type FaultProxy,
  type FaultProxyOptions,
  startFaultProxy,
  targetsOf,
} from '../../src/standin/fault-proxy/index.ts';
import type { Stage } from './stage.ts';

/**
 * A network that misbehaves as told, between a wall and everything of the stage. Start the wall with its `flags`; the stage's
 * environment stays as it is. Stop it after the wall.
 */
export function openFaultProxy(stage: Stage, options: Omit<FaultProxyOptions, 'targets'> = {}): Promise<FaultProxy> {
  return startFaultProxy({ targets: targetsOf(stage.urls, stage.ports), ...options });
}
