import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { toUtf8 } from '../encoding.ts';
import { certificateFromJson, certificateToJson, isCertified, signCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { acceptKeySet, createManifest, LONGEST_MANIFEST } from './keyset.ts';
import type { KeySetFiles, Trust } from './keyset.ts';
import { generateKeyPair, softwareSigner } from './signatures.ts';
import type { Signer } from './signatures.ts';
import { fixedX25519, seed } from './testing/fixed.ts';
import { deviceSigner, EXHAUSTIVE, flipped } from './testing/world.ts';

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;
let [root, rotation]: [Signer, Signer] = [] as never;
let [certificate, files, trust]: [Certificate, KeySetFiles, Trust] = [] as never;

async function setOf(
  changes: {
    serial?: number;
    generation?: number;
    notAfter?: number;
    by?: Signer;
    server?: string;
    ends?: number;
  } = {},
) {
  const { publicKey: k, algorithm } = changes.by ?? rotation;
  const content = {
    serverId: changes.server ?? 'server',
    serial: changes.serial ?? 2,
    key: { algorithm, publicKey: k },
    notAfter: changes.ends ?? NOW + 400 * DAY,
  };
  const signed = await signCertificate(root, content);
  const entropy = await seed('entropy');
  const { publicKey } = await fixedX25519('server');
  const generation = {
    generation: changes.generation ?? 5,
    publicKey,
    entropy,
    notAfter: changes.notAfter ?? NOW + DAY,
  };
  return {
    certificate: signed,
    files: { ...(await createManifest(changes.by ?? rotation, signed, generation)), entropy },
  };
}

beforeAll(async () => {
  [root, rotation] = [await deviceSigner('root'), await deviceSigner('rotation')];
  ({ certificate, files } = await setOf());
  trust = { root: root.publicKey, serverId: 'server', floor: { serial: 2, generation: 5 } };
});

const refusal = (changed: KeySetFiles, by: Trust = trust, now = NOW) =>
  acceptKeySet(changed, by, now).then(
    () => 'accepted',
    (error: unknown) => (error as { code?: string }).code,
  );

describe('acceptKeySet', () => {
  it('accepts what chains to the root, and raises the floor to it', async () => {
    const low = { ...trust, floor: { serial: 1, generation: 1 } };
    const accepted = await acceptKeySet(files, low, NOW);
    expect(accepted).toMatchObject({ serverId: 'server', generation: 5, floor: { serial: 2, generation: 5 } });
    expect(accepted.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(await refusal(files)).toBe('accepted');
  });

  it('accepts a rotation key on P-256, as KMS holds it', async () => {
    const signer = await softwareSigner(await generateKeyPair('p256'));
    expect(await refusal((await setOf({ by: signer })).files)).toBe('accepted');
  });

  it(
    'refuses it with any byte changed in the manifest, and any bit in its signature or the entropy',
    EXHAUSTIVE,
    async () => {
      const changes = [...flipped(files.manifest)].filter((_, bit) => bit % 8 === (bit >> 3) % 8);
      const all = { manifest: changes, signature: flipped(files.signature), entropy: flipped(files.entropy) };
      for (const [name, changed] of Object.entries(all)) {
        for (const one of changed) {
          expect(['KEYS_INVALID', 'KEYS_INTEGRITY']).toContain(await refusal({ ...files, [name]: one }));
        }
      }
      expect(await refusal({ ...files, entropy: files.entropy.slice(1) })).toBe('KEYS_INTEGRITY');
      expect(await refusal({ ...files, signature: new Uint8Array() })).toBe('KEYS_INTEGRITY');
    },
  );

  it('refuses what is of another root, another server, or below the floor', async () => {
    const stranger = await deviceSigner('stranger');
    expect(await refusal(files, { ...trust, root: stranger.publicKey })).toBe('KEYS_INTEGRITY');
    expect(await refusal(files, { ...trust, serverId: 'server2' })).toBe('KEYS_INTEGRITY');
    expect(await refusal((await setOf({ server: 'server2' })).files)).toBe('KEYS_INTEGRITY');
    for (const [serial, generation] of [
      [3, 5],
      [2, 6],
      [3, 6],
      [3, 1],
    ] as const) {
      expect(await refusal(files, { ...trust, floor: { serial, generation } })).toBe('KEYS_INTEGRITY');
    }
  });

  it('refuses a rotation key that the root did not certify, whoever signed what', async () => {
    const stranger = await deviceSigner('stranger');
    const own = await signCertificate(stranger, { ...certificate, key: stranger });
    const { publicKey } = await fixedX25519('server');
    const content = { generation: 6, publicKey, entropy: files.entropy, notAfter: NOW + DAY };
    expect(await refusal({ ...(await createManifest(stranger, own, content)), entropy: files.entropy })).toBe(
      'KEYS_INTEGRITY',
    );
    // The root's own certificate of the right key does not make another key's signature good.
    const signature = await stranger.sign(files.manifest);
    expect(await refusal({ ...files, signature })).toBe('KEYS_INTEGRITY');
  });

  it('refuses what has ended, the set or its rotation key', async () => {
    expect(await refusal(files, trust, NOW + DAY)).toBe('KEYS_INVALID');
    expect(await refusal((await setOf({ ends: NOW })).files)).toBe('KEYS_INVALID');
  });

  it('says that Vigil is too old for a later protocol', async () => {
    const text = new TextDecoder().decode(files.manifest).replace('"minProtocol": 2', '"minProtocol": 3');
    await expect(acceptKeySet({ ...files, manifest: toUtf8(text) }, trust, NOW)).rejects.toThrow(/update Vigil/);
  });

  it('has an answer to every other content', async () => {
    const json = JSON.parse(new TextDecoder().decode(files.manifest)) as Record<string, unknown>;
    const values = fc.oneof(fc.jsonValue(), fc.string(), fc.integer());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(json)), values, async (name, value) => {
        const changed = toUtf8(JSON.stringify({ ...json, [name]: value }));
        expect(['KEYS_INVALID', 'KEYS_INTEGRITY']).toContain(await refusal({ ...files, manifest: changed }));
      }),
    );
    for (const text of ['', 'null', '[]', '{}', '{"vigil":"keyset"}', ' '.repeat(LONGEST_MANIFEST + 1)]) {
      expect(await refusal({ ...files, manifest: toUtf8(text) })).toBe('KEYS_INVALID');
    }
    expect(await refusal({ ...files, manifest: Uint8Array.of(255, 254) })).toBe('KEYS_INVALID');
  });
});

describe('a certificate', () => {
  it('survives JSON, and no change of any of its fields', async () => {
    const json = certificateToJson(certificate);
    expect(certificateFromJson(json, 'server')).toEqual(certificate);
    expect(await isCertified(certificate, root.publicKey)).toBe(true);
    const other = await deviceSigner('stranger');
    const changes: Partial<Certificate>[] = [
      { serverId: 'server2' },
      { serial: 3 },
      { notAfter: certificate.notAfter + 1 },
      { key: { algorithm: 'ed25519', publicKey: other.publicKey } },
      { key: { algorithm: 'ed25519', publicKey: new Uint8Array(32) } },
      { signature: new Uint8Array(64) },
    ];
    for (const change of changes) expect(await isCertified({ ...certificate, ...change }, root.publicKey)).toBe(false);
    for (const change of [
      { algorithm: 'rsa' },
      { serial: 0 },
      { serial: 1.5 },
      { notAfter: '2026-11-22' },
      { publicKey: 'a' },
    ]) {
      expect(certificateFromJson({ ...json, ...change }, 'server')).toBeUndefined();
    }
  });
});
