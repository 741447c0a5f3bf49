import {
  type FaultProxy,
  type FaultProxyOptions,
  type Target,
  startFaultProxy,
  targetsOf,
} from '../../src/standin/fault-proxy/index.ts';
import type { Stage } from './stage.ts';

interface Options extends Omit<FaultProxyOptions, 'targets'> {
  /** Targets beside the stage's services. */
  readonly more?: Readonly<Record<string, Target>>;
}

/**
 * A network that misbehaves as told, between a wall and everything of the stage. Start the wall with its `flags`; the stage's
 * environment stays as it is. Stop it after the wall.
 */
export function openFaultProxy(stage: Stage, { more, ...options }: Options = {}): Promise<FaultProxy> {
  return startFaultProxy({ targets: { ...targetsOf(stage.urls, stage.ports), ...more }, ...options });
}
