import { toUtf8 } from '../encoding.ts';
import { concat, text8, u32 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import type { Binding, Suite } from './suite.ts';

/** The version that every message begins with. */
export const VERSION = 2;

/** Longest server id, in characters. */
export const LONGEST_SERVER_ID = 64;

/** Whether a text can be a server's id: 1 to 64 letters, digits, dots, dashes and underscores. */
export function isServerId(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(text);
}

/** `serverId ‖ g` as labels and keys are bound to it. */
export function generationName(serverId: string, generation: number): Bytes {
  return concat(text8(serverId), u32(generation));
}

/**
 * What a context for credentials is bound to: who has not the entropy of this generation of this server gets another
 * context, and so does a message of another path. The derived key is a secret, and can be kept as long as the generation.
 */
export async function credentialsBinding(
  suite: Suite,
  serverId: string,
  generation: number,
  entropy: Bytes,
): Promise<Binding> {
  const name = generationName(serverId, generation);
  const prk = await suite.extract(toUtf8('vigil/2 psk'), entropy);
  return {
    info: concat(toUtf8('vigil/2 credentials'), name),
    psk: { key: await suite.expand(prk, name, 32), id: u32(generation) },
  };
}
