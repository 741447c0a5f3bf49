import { toBase64Url } from '../../autoid/encoding.ts';
import { signCertificate, type Certificate } from '../../autoid/v2/certificate.ts';
import { isServerId } from '../../autoid/v2/generation.ts';
import { generateKeyPair, softwareSigner, type Signer } from '../../autoid/v2/signatures.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { makeGeneration, type makeV1 } from './make-generation.ts';
import { readRing, ringText, secretName, type ProtocolName, type Ring } from './ring.ts';
import { generationBytes, pairBytes } from './secrets.ts';
import type { KeyVault } from './vault.ts';

/** How long a rotation key may sign, in ms: 400 days. */
export const CERTIFIED_MS = 400 * 86_400_000;

export interface InitOptions {
  readonly vault: KeyVault;
  readonly clock: Clock;
  readonly root: Signer;
  readonly serverId: string;
  readonly protocols: readonly ProtocolName[];
  readonly makeV1?: typeof makeV1;
}

/**
 * Makes a server's first keys: a rotation key that the root certifies, and generation 1, which is current at once and
 * published by the next `advance`. Nothing exists until the last write; where that is interrupted, it is made anew.
 * Rejects with USAGE where there are keys already or the id is none, and with what the vault rejects with.
 */
export async function initKeys(options: InitOptions): Promise<Ring> {
  const { vault, clock, root, serverId, protocols } = options;
  if (!isServerId(serverId)) {
    throw new AppError('USAGE', "A server's id has 1 to 64 letters, digits, dots, dashes or underscores.");
  }
  const there = new AppError('USAGE', `There are keys in ${vault.name} already: vigil keys rotate makes new ones.`);
  if ((await vault.version()) > 0) throw there;
  const now = clock.now();
  const { certificate, signer, secret: signerSecret } = await newRotationKey(vault, root, serverId, 1, now);
  const generation = 1;
  const { notAfter, keys } = await makeGeneration({ ...options, generation, signer, certificate, now });
  const secret = secretName(`generation-${generation}`);
  await vault.writeSecret(secret, generationBytes(keys));
  const ring: Ring = {
    serverId,
    root: toBase64Url(root.publicKey),
    certificate,
    signer: signerSecret,
    lastGeneration: generation,
    generations: [{ generation, secret, protocols, madeAt: now, notAfter, state: 'current' }],
    // Nobody waits for these keys yet: they go to the places at once.
    rotation: { generation, startedAt: now, emergency: true, overlapMs: 0, published: [] },
    doomed: [],
  };
  if (!(await vault.writeRing(ringText(ring), 0))) throw there;
  return ring;
}

/** What the root gives a new rotation key, from now on; the old one is destroyed with the next `advance`. */
export async function certify(options: {
  readonly vault: KeyVault;
  readonly clock: Clock;
  readonly root: Signer;
}): Promise<Certificate> {
  const { vault, clock, root } = options;
  const { ring, version } = await readRing(vault);
  if (toBase64Url(root.publicKey) !== ring.root) {
    throw new AppError(
      'KEYS_INVALID',
      `This is not the root of ${ring.serverId}: give the file that vigil keys init wrote.`,
    );
  }
  const serial = ring.certificate.serial + 1;
  const { certificate, secret } = await newRotationKey(vault, root, ring.serverId, serial, clock.now());
  const changed: Ring = { ...ring, certificate, signer: secret, doomed: [...ring.doomed, ring.signer] };
  if (await vault.writeRing(ringText(changed), version)) return certificate;
  throw new AppError('KEYS_UNAVAILABLE', `The keys in ${vault.name} were changed just now: try again.`);
}

async function newRotationKey(
  vault: KeyVault,
  root: Signer,
  serverId: string,
  serial: number,
  now: number,
): Promise<{ readonly certificate: Certificate; readonly signer: Signer; readonly secret: string }> {
  const pair = await generateKeyPair('ed25519');
  const { algorithm, publicKey } = pair;
  const content = { serverId, serial, key: { algorithm, publicKey }, notAfter: now + CERTIFIED_MS };
  const certificate = await signCertificate(root, content);
  const secret = secretName(`signer-${serial}`);
  await vault.writeSecret(secret, pairBytes(pair));
  return { certificate, signer: await softwareSigner(pair), secret };
}
