import type { Bytes } from './bytes.ts';

/**
 * The linked counter. A device's steps form a chain: each names the random x of the one before. Two copies of a device
 * cannot both continue the chain, so the second to advance shows itself; what a network does to packets never looks so.
 */

/** What the server keeps of a device's step; `hx` is `hashStep(x)`. */
export interface ServerCounter {
  readonly n: number;
  readonly hx: string;
}

/** A step as the server hears of it. */
export interface HashedStep {
  readonly n: number;
  /** `hashStep` of the x of the step before. */
  readonly hp: string;
  /** `hashStep` of its own x. */
  readonly hx: string;
}

/**
 * What the server makes of a step.
 * - `advance`: accepted; `counter` must be durable before anything is handed out.
 * - `again`: accepted; the device repeats its step.
 * - `fork`: two copies of the device exist: lock it, and alert.
 * - `late`: behind. A packet that was delayed is no evidence: audit, answer `late`, lock nothing.
 * - `ahead`: the server has forgotten steps, as after a restore: alert; the operator resyncs.
 */
export type StepVerdict =
  | { readonly kind: 'advance'; readonly counter: ServerCounter }
  | { readonly kind: 'again' | 'fork' | 'late' | 'ahead' };

/** The table of docs/protocol-v2.md, section "The linked counter". */
export function evaluateStep(counter: ServerCounter, step: HashedStep): StepVerdict {
  if (step.n > counter.n + 1) return { kind: 'ahead' };
  if (step.n < counter.n) return { kind: 'late' };
  if (step.n === counter.n) return { kind: step.hx === counter.hx ? 'again' : 'fork' };
  return step.hp === counter.hx ? { kind: 'advance', counter: { n: step.n, hx: step.hx } } : { kind: 'fork' };
}

/** A device's step, as it lies on its disk; `p` and `x` have 16 bytes. */
export interface DeviceStep {
  readonly n: number;
  readonly p: Bytes;
  readonly x: Bytes;
  /** Whether a sealed reply said that the server has taken this step. */
  readonly answered: boolean;
}

/** The step that a device has after its enrolment with this x. */
export function firstStep(x: Bytes): DeviceStep {
  return { n: 0, p: new Uint8Array(16), x, answered: true };
}

/**
 * The step to send next: another one only when this one was answered and nothing is in flight, since a request that is
 * still under way would arrive late. A new step must be durable before it is sent.
 */
export function stepToSend(step: DeviceStep, inFlight: number, freshX: () => Bytes): DeviceStep {
  return step.answered && inFlight === 0 ? { n: step.n + 1, p: step.x, x: freshX(), answered: false } : step;
}

/**
 * The request that proves to the server that it met another copy of this device, after a live sealed `late` to the step
 * that this device is at: the step after the server's, with an x before it that is not the server's.
 */
export function divergenceProof(step: DeviceStep, serverStep: number, freshX: () => Bytes): DeviceStep {
  return { n: serverStep + 1, p: step.x, x: freshX(), answered: false };
}
