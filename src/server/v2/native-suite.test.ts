import { describe, expect, it } from 'vitest';
import { concat } from '../../autoid/v2/bytes.ts';
import type { Bytes } from '../../autoid/v2/bytes.ts';
import { generateKeyPair, softwareSigner } from '../../autoid/v2/signatures.ts';
import { webSuite } from '../../autoid/v2/suite.ts';
import type { Suite } from '../../autoid/v2/suite.ts';
import { nativeSuite } from './native-suite.ts';

const bytes = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));
const binding = { info: bytes(20), psk: { key: bytes(32), id: bytes(4) } };
const none = new Uint8Array();

/** One message from one suite to the other, with what both ends export. */
async function send(from: Suite, to: Suite, ikm: Bytes) {
  const recipientPair = await to.deriveKeyPair(ikm);
  const publicKey = await from.importPublicKey(await to.exportPublicKey(recipientPair.publicKey));
  const sender = await from.setupSender(publicKey, binding);
  const recipient = await to.setupRecipient(recipientPair, sender.enc, binding);
  const [plain, aad] = [bytes(100), bytes(37)];
  const opened = await recipient.open(await sender.seal(plain, aad), aad);
  return { plain, opened, exports: [await sender.export('x', 48), await recipient.export('x', 48)] };
}

describe('the native suite', () => {
  it.each([
    ['native to web', nativeSuite, webSuite],
    ['web to native', webSuite, nativeSuite],
    ['native to native', nativeSuite, nativeSuite],
  ])('is the suite of Web Crypto: %s', async (_, from, to) => {
    const { plain, opened, exports } = await send(from, to, bytes(32));
    expect(opened).toEqual(plain);
    expect(exports[0]).toEqual(exports[1]);
  });

  it('derives, hashes and expands alike', async () => {
    const [salt, ikm] = [bytes(13), bytes(32)];
    expect(await nativeSuite.extract(salt, ikm)).toEqual(await webSuite.extract(salt, ikm));
    expect(await nativeSuite.expand(ikm, 'label', 70)).toEqual(await webSuite.expand(ikm, 'label', 70));
    expect(await nativeSuite.sha256(salt)).toEqual(await webSuite.sha256(salt));
    const [one, other] = [await nativeSuite.deriveKeyPair(ikm), await webSuite.deriveKeyPair(ikm)];
    const publicKey = await nativeSuite.exportPublicKey(one.publicKey);
    expect(publicKey).toEqual(await webSuite.exportPublicKey(other.publicKey));
  });

  it('opens what the other sealed, and nothing that was changed', async () => {
    const [key, nonce] = [bytes(32), bytes(12)];
    const sealed = await webSuite.aeadSeal(key, nonce, bytes(5));
    expect(await nativeSuite.aeadOpen(key, nonce, sealed)).toEqual(await webSuite.aeadOpen(key, nonce, sealed));
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(await nativeSuite.aeadOpen(key, nonce, changed)).toBeUndefined();
    }
    expect(await nativeSuite.aeadOpen(key, nonce, sealed.slice(0, 15))).toBeUndefined();
  });

  it.each(['ed25519', 'p256'] as const)('verifies signatures alike: %s', async (algorithm) => {
    const pair = await generateKeyPair(algorithm);
    const message = bytes(200);
    const signature = await (await softwareSigner(pair)).sign(message);
    expect(await nativeSuite.verify(pair, signature, message)).toBe(true);
    expect(await nativeSuite.verify(pair, signature, concat(message, bytes(1)))).toBe(false);
    expect(await nativeSuite.verify(pair, signature.slice(1), message)).toBe(false);
    expect(await nativeSuite.verify({ algorithm, publicKey: none }, signature, message)).toBe(false);
  });

  it.each([webSuite, nativeSuite])('refuses an encapsulated key of small order', async (suite) => {
    const pair = await suite.deriveKeyPair(bytes(32));
    for (const enc of [new Uint8Array(32), Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))]) {
      await expect(suite.setupRecipient(pair, enc, binding)).rejects.toThrow();
    }
    await expect(suite.setupRecipient(pair, bytes(31), binding)).rejects.toThrow();
  });
});
