import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Item, Json } from '../state/state-store.ts';
import type { Device } from './device.ts';

const time = z.number();
const policy = z.object({
  allow: z.array(z.object({ source: z.string(), destination: z.string().exactOptional() })),
  networks: z.array(z.string()),
  requestsPerHour: z.number(),
});
const key = z.object({
  algorithm: z.enum(['ed25519', 'p256']),
  publicKey: z.string(),
  fingerprintHint: z.string(),
  enrolledAt: time,
  hx0: z.string(),
  counter: z.object({ n: z.number(), hx: z.string() }),
  resyncUntil: time.exactOptional(),
  nonces: z.array(z.tuple([z.string(), time])),
  window: z.object({ startsAt: time, count: z.number() }),
  lastSeenAt: time.exactOptional(),
  lastAddress: z.string().exactOptional(),
});
const base = { id: z.string(), name: z.string(), policy, invitedAt: time };
const device = z.discriminatedUnion('status', [
  z.object({ ...base, status: z.literal('invited'), inviteEndsAt: time }),
  z.object({ ...base, status: z.literal('active'), key }),
  z.object({
    ...base,
    status: z.literal('locked'),
    key: key.exactOptional(),
    reason: z.enum(['operator', 'fork', 'invite-reused']),
    lockedAt: time,
  }),
  z.object({ ...base, status: z.literal('revoked'), revokedAt: time }),
]);

/**
 * What an activation code leaves in the table `invite`, under `inviteIdOf` of the message: which device it is for, and
 * its secret, sealed for the purpose `invitePurpose(inviteId)`, in base64url. It stays until it ends, so that a device
 * whose answer got lost can ask again.
 */
export interface InviteDocument {
  readonly deviceId: string;
  readonly secret: string;
  /** In ms since the epoch. */
  readonly endsAt: number;
}

const invite = z.object({ deviceId: z.string(), secret: z.string(), endsAt: time });

/** What an invite's secret is sealed for. */
export function invitePurpose(inviteId: string): string {
  return `invite ${inviteId}`;
}

/** A document of the table `device`. Throws STATE_CORRUPT. */
export function deviceOf(item: Item): Device {
  return read(device, item, 'device');
}

/** A document of the table `invite`. Throws STATE_CORRUPT. */
export function inviteDocumentOf(item: Item): InviteDocument {
  return read(invite, item, 'invite');
}

/** A document as the state keeps it. */
export function asJson(document: Device | InviteDocument): Json {
  return document as unknown as Json;
}

function read<T>(schema: z.ZodType<T>, { key: name, value }: Item, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError(
    'STATE_CORRUPT',
    `The document of the ${what} ${name} in the server's state makes no sense: restore the state from a backup.`,
    { cause: parsed.error },
  );
}
