import { evaluateStep } from '../../autoid/v2/counter.ts';
import type { ReplyCode } from '../../autoid/v2/reply.ts';
import type { VerifiedRequest } from '../../autoid/v2/server.ts';
import type { Device, EnrolledKey } from '../devices/device.ts';

/** How far a timestamp may be off, in ms, to either side. */
export const WINDOW_MS = 120_000;
/** How long a nonce is kept beyond its timestamp, in ms: longer than its timestamp is accepted. */
export const NONCE_MS = 300_000;
const HOUR_MS = 3_600_000;
/** Nonces kept for one device at most: a document must stay small. Reached by 512 requests within seven minutes only. */
const MOST_NONCES = 512;

export type ActiveDevice = Device & { readonly status: 'active' };

/** What becomes of a verified request, by the device's document alone. */
export interface Decision {
  /** The document to write on the condition that it is still as it was; undefined where nothing changes. */
  readonly next?: Device;
  /** `ok` where the request goes on to what it is for. */
  readonly code: ReplyCode;
  readonly stepAccepted: boolean;
  /** The server's step after the write. */
  readonly serverStep: number;
  readonly retryAfterSeconds: number;
  /** For the audit log. */
  readonly reason: string;
  /** Whether somebody should look at it. */
  readonly isAlert: boolean;
}

/**
 * Decides on a verified request at a moment `now` (ms since the epoch): time, nonce, rate, step. Pure, so that it is
 * repeated on the new document when somebody else changed it first. The time is judged at the moment at which old nonces
 * are forgotten: a request that had to wait must not be taken after its own nonce is gone. A wrong time, a replay and one
 * too many change nothing; whoever is late is told, and never locked for it, since a packet that was delayed is no
 * evidence.
 */
export function decide(device: ActiveDevice, request: VerifiedRequest, now: number, address?: string): Decision {
  const { key, policy } = device;
  const { counter } = key;
  const plain = { stepAccepted: false, serverStep: counter.n, retryAfterSeconds: 0, isAlert: false };
  if (Math.abs(request.timestamp - now) > WINDOW_MS) return { ...plain, code: 'clock', reason: 'clock' };
  const nonces = key.nonces.filter(([, until]) => until >= now);
  if (nonces.some(([nonce]) => nonce === request.nonce)) return { ...plain, code: 'replayed', reason: 'replayed' };

  const isSameHour = now >= key.window.startsAt && now < key.window.startsAt + HOUR_MS;
  const window = isSameHour ? key.window : { startsAt: now, count: 0 };
  const isTooOften = window.count >= policy.requestsPerHour;
  if (isTooOften || nonces.length >= MOST_NONCES) {
    const until = isTooOften ? window.startsAt + HOUR_MS : now + NONCE_MS;
    return { ...plain, code: 'rate', reason: 'rate', retryAfterSeconds: Math.ceil((until - now) / 1000) };
  }

  const { resyncUntil, ...kept } = key;
  const seen = (changes: Partial<EnrolledKey>): Device => ({
    ...device,
    key: {
      ...kept,
      ...(resyncUntil === undefined || changes.counter !== undefined ? {} : { resyncUntil }),
      nonces: [...nonces, [request.nonce, request.timestamp + NONCE_MS]],
      window: { startsAt: window.startsAt, count: window.count + 1 },
      lastSeenAt: now,
      ...(address === undefined ? {} : { lastAddress: address }),
      ...changes,
    },
  });

  const verdict = evaluateStep(counter, request.step);
  switch (verdict.kind) {
    case 'advance':
      return {
        ...{ ...plain, next: seen({ counter: verdict.counter }), code: 'ok', reason: 'ok' },
        ...{ stepAccepted: true, serverStep: verdict.counter.n },
      };
    case 'again':
      return { ...plain, next: seen({}), code: 'ok', reason: 'ok', stepAccepted: true };
    case 'late':
      return { ...plain, next: seen({}), code: 'late', reason: 'late' };
    case 'ahead': {
      if (resyncUntil === undefined || now >= resyncUntil) {
        return { ...plain, next: seen({}), code: 'ahead', reason: 'ahead', isAlert: true };
      }
      const adopted = { n: request.step.n, hx: request.step.hx };
      return {
        ...{ ...plain, next: seen({ counter: adopted }), code: 'ok', reason: 'ok' },
        ...{ stepAccepted: true, serverStep: adopted.n },
      };
    }
    case 'fork': {
      const { id, name, invitedAt } = device;
      const locked: Device = { id, name, policy, invitedAt, status: 'locked', key, reason: 'fork', lockedAt: now };
      return { ...plain, next: locked, code: 'locked', reason: 'fork', isAlert: true };
    }
  }
}
