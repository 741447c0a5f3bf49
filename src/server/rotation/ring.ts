import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { certificateFromJson, certificateToJson, type Certificate } from '../../autoid/v2/certificate.ts';
import { isServerId } from '../../autoid/v2/generation.ts';
import { AppError } from '../../core/errors.ts';
import type { KeyVault } from './vault.ts';

export type ProtocolName = 'v1' | 'v2';

/**
 * One generation that the server accepts. `new`: accepted, not published everywhere yet. `current`: what the places hold.
 * `previous`: accepted until its overlap ends. Times in ms since the epoch.
 */
export interface RingGeneration {
  readonly generation: number;
  /** Name of the secret in the vault. */
  readonly secret: string;
  readonly protocols: readonly ProtocolName[];
  readonly madeAt: number;
  /** When clients take its v2 key set no more. */
  readonly notAfter: number;
  readonly state: 'new' | 'current' | 'previous';
  /** Of a previous one. */
  readonly endsAt?: number;
}

/** A rotation under way, and what of it is done: the journal. */
export interface RingRotation {
  readonly generation: number;
  readonly startedAt: number;
  readonly emergency: boolean;
  readonly overlapMs: number;
  /** Names of the places that hold the new set. */
  readonly published: readonly string[];
}

/** What there is, as one document that is changed by one write. */
export interface Ring {
  readonly serverId: string;
  /** Raw Ed25519 public key, base64url. */
  readonly root: string;
  /** The rotation key's certificate by the root, and the name of its secret. */
  readonly certificate: Certificate;
  readonly signer: string;
  /** The highest number that was ever given; numbers never come twice. */
  readonly lastGeneration: number;
  readonly generations: readonly RingGeneration[];
  readonly rotation?: RingRotation;
  /** Secrets that nothing uses any more, still to be destroyed. */
  readonly doomed: readonly string[];
}

const time = z.number();
const count = z.number().int().nonnegative();
const schema = z.object({
  format: z.literal(1),
  serverId: z.string().refine(isServerId),
  root: z.string(),
  certificate: z.unknown(),
  signer: z.string(),
  lastGeneration: count,
  generations: z.array(
    z.object({
      generation: count,
      secret: z.string(),
      protocols: z.array(z.enum(['v1', 'v2'])),
      madeAt: time,
      notAfter: time,
      state: z.enum(['new', 'current', 'previous']),
      endsAt: time.exactOptional(),
    }),
  ),
  rotation: z
    .object({
      generation: count,
      startedAt: time,
      emergency: z.boolean(),
      overlapMs: z.number().nonnegative(),
      published: z.array(z.string()),
    })
    .exactOptional(),
  doomed: z.array(z.string()),
});

/** The ring as text; no secret is in it. */
export function ringText(ring: Ring): string {
  return `${JSON.stringify({ format: 1, ...ring, certificate: certificateToJson(ring.certificate) }, null, 2)}\n`;
}

/** The ring that stands in a vault. Rejects with KEYS_NOT_FOUND where there is none, KEYS_INVALID where it makes no sense. */
export async function readRing(vault: KeyVault): Promise<{ readonly ring: Ring; readonly version: number }> {
  const found = await vault.readRing();
  if (found === undefined) {
    throw new AppError(
      'KEYS_NOT_FOUND',
      `There are no keys of a server in ${vault.name}: make them with vigil keys init.`,
    );
  }
  try {
    const parsed = schema.parse(JSON.parse(found.text));
    const certificate = certificateFromJson(parsed.certificate, parsed.serverId);
    if (certificate === undefined) throw new Error('no certificate');
    return { ring: { ...parsed, certificate }, version: found.version };
  } catch (cause) {
    const sentence = `The list of the server's keys in ${vault.name} makes no sense: restore it from a backup.`;
    throw new AppError('KEYS_INVALID', sentence, { cause });
  }
}

/** The generations that are accepted at this time: the current one first, then by age, the newest first. */
export function acceptedAt(ring: Ring, now: number): readonly RingGeneration[] {
  return ring.generations
    .filter(({ endsAt }) => endsAt === undefined || endsAt > now)
    .sort((a, b) => Number(b.state === 'current') - Number(a.state === 'current') || b.generation - a.generation);
}

/** The next moment at which a generation's overlap ends; undefined when none is to end. */
export function nextEnd(ring: Ring, now: number): number | undefined {
  const ends = ring.generations.flatMap(({ endsAt }) => (endsAt !== undefined && endsAt > now ? [endsAt] : []));
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** A name for a secret that nobody else gives one, at the same moment either. */
export function secretName(what: string): string {
  return `${what}-${randomBytes(4).toString('hex')}`;
}

/** Every secret that the ring names. */
export function secretsOf(ring: Ring): ReadonlySet<string> {
  return new Set([ring.signer, ...ring.generations.map(({ secret }) => secret), ...ring.doomed]);
}
