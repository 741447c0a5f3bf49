import { describe, expect, it } from 'vitest';
import type { Bytes } from './bytes.ts';
import { generateKeyPair, isSoundPublicKey, softwareSigner, verifySignature } from './signatures.ts';
import { hex } from './testing/fixed.ts';
import { flipped } from './testing/world.ts';

const P = 2n ** 255n - 19n;
const encode = (y: bigint, sign = 0n): Bytes => {
  const big = hex((y + (sign << 255n)).toString(16).padStart(64, '0'));
  return big.reverse();
};
const ed25519 = (publicKey: Bytes) => isSoundPublicKey({ algorithm: 'ed25519', publicKey });
const p256 = (publicKey: Bytes) => isSoundPublicKey({ algorithm: 'p256', publicKey });

/** The points of order 8, from "Taming the many EdDSAs" (IACR 2020/1244), table 1; the others are 0, 1 and -1. */
const ORDER_8 = [
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
];

describe('isSoundPublicKey', () => {
  it('refuses every Ed25519 key of small order, in both signs and in spellings that are not canonical', () => {
    const ys = [0n, 1n, P - 1n, P, P + 1n];
    const keys = ys.flatMap((y) => [encode(y), encode(y, 1n)]);
    const others = ORDER_8.flatMap((text) => [hex(text), hex(text).map((byte, i) => (i === 31 ? byte | 0x80 : byte))]);
    expect(keys.concat(others).filter(ed25519)).toEqual([]);
  });

  it('refuses spellings above the prime, points off the curve and other lengths', () => {
    for (let over = 0n; over < 19n; over++) expect(ed25519(encode(P + over))).toBe(false);
    const onCurve = Array.from({ length: 200 }, (_, i) => encode(BigInt(i + 2))).filter(ed25519);
    // About every second y belongs to a point.
    expect(onCurve.length).toBeGreaterThan(60);
    expect(onCurve.length).toBeLessThan(140);
    for (const length of [0, 31, 33, 65]) expect(ed25519(new Uint8Array(length).fill(9))).toBe(false);
  });

  it('refuses points off P-256, and all but the uncompressed form', async () => {
    const { publicKey } = await generateKeyPair('p256');
    expect(p256(publicKey)).toBe(true);
    for (const changed of flipped(publicKey)) expect(p256(changed)).toBe(false);
    expect(p256(Uint8Array.from([2, ...publicKey.slice(1, 33)]))).toBe(false);
    expect(p256(new Uint8Array(65))).toBe(false);
    expect(p256(new Uint8Array(65).fill(255).fill(4, 0, 1))).toBe(false);
    expect(ed25519(publicKey)).toBe(false);
  });

  it('takes the keys that are made here', async () => {
    for (let i = 0; i < 20; i++) {
      expect(isSoundPublicKey(await generateKeyPair('ed25519'))).toBe(true);
      expect(isSoundPublicKey(await generateKeyPair('p256'))).toBe(true);
    }
  });
});

describe('softwareSigner', () => {
  it.each(['ed25519', 'p256'] as const)(
    'signs what its public key verifies, and nothing else: %s',
    async (algorithm) => {
      const pair = await generateKeyPair(algorithm);
      const signer = await softwareSigner(pair);
      const message = new Uint8Array(40).fill(7);
      const signature = await signer.sign(message);
      expect(signature.length).toBe(64);
      expect(await verifySignature(signer, signature, message)).toBe(true);
      for (const changed of flipped(signature)) expect(await verifySignature(signer, changed, message)).toBe(false);
      expect(await verifySignature(signer, signature, message.slice(1))).toBe(false);
      expect(await verifySignature(await generateKeyPair(algorithm), signature, message)).toBe(false);
    },
  );

  it('refuses halves that do not belong together, and what is no key', async () => {
    const [one, other] = [await generateKeyPair('ed25519'), await generateKeyPair('ed25519')];
    const p256Pair = await generateKeyPair('p256');
    for (const pair of [
      { ...one, publicKey: other.publicKey },
      { ...one, privateKey: new Uint8Array(48) },
      { ...one, algorithm: 'p256' as const },
      { ...p256Pair, publicKey: one.publicKey },
    ]) {
      await expect(softwareSigner(pair)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    }
  });
});
