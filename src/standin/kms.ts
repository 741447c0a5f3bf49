/** KMS: GenerateDataKey and Decrypt with symmetric keys that never leave it. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Handler } from './http.ts';
import { jsonHandler } from './json-service.ts';
import type { JsonResult } from './json-service.ts';
import type { World } from './world.ts';

const DEFAULT_KEYS = ['11111111-2222-3333-4444-555555555555'];

interface KmsKey {
  readonly id: string;
  readonly arn: string;
  readonly bytes: Buffer;
}

const failure = (code: string, message: string): JsonResult => ({ failure: { code, message } });
const isText = (value: unknown): value is string => typeof value === 'string';

/** The encryption context in one form, whatever its order; undefined for one that is none. */
function contextOf(input: Record<string, unknown>): string | undefined {
  const context = input['EncryptionContext'] ?? {};
  if (typeof context !== 'object' || Array.isArray(context)) return undefined;
  const entries = Object.entries(context);
  if (!entries.every(([name, value]) => name !== '' && isText(value))) return undefined;
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function generateDataKey(key: KmsKey, input: Record<string, unknown>): JsonResult {
  const context = contextOf(input);
  const { KeySpec: spec, NumberOfBytes: count } = input;
  if (context === undefined) return failure('ValidationException', 'EncryptionContext is malformed.');
  if ((spec === undefined) === (count === undefined)) {
    return failure('ValidationException', 'Please specify either number of bytes or key spec.');
  }
  const length = spec === 'AES_256' ? 32 : spec === 'AES_128' ? 16 : count;
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 1 || length > 1024) {
    return failure(
      'ValidationException',
      "Value at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
    );
  }
  const plain = randomBytes(length);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(Buffer.from(context));
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  const blob = Buffer.concat([Buffer.from(key.id.replaceAll('-', ''), 'hex'), nonce, cipher.getAuthTag(), text]);
  return {
    detail: key.id,
    result: { CiphertextBlob: blob.toString('base64'), Plaintext: plain.toString('base64'), KeyId: key.arn },
  };
}

function decrypt(keys: readonly KmsKey[], named: KmsKey | undefined, input: Record<string, unknown>): JsonResult {
  const context = contextOf(input);
  if (context === undefined) return failure('ValidationException', 'EncryptionContext is malformed.');
  const blob = Buffer.from(isText(input['CiphertextBlob']) ? input['CiphertextBlob'] : '', 'base64');
  const key = keys.find(({ id }) => blob.subarray(0, 16).toString('hex') === id.replaceAll('-', ''));
  if (key === undefined || blob.length < 45) return failure('InvalidCiphertextException', '');
  if (named !== undefined && named !== key) {
    return failure(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, blob.subarray(16, 28))
    .setAAD(Buffer.from(context))
    .setAuthTag(blob.subarray(28, 44));
  try {
    const plain = Buffer.concat([decipher.update(blob.subarray(44)), decipher.final()]);
    return {
      detail: key.id,
      result: { KeyId: key.arn, Plaintext: plain.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
    };
  } catch {
    // As the real service: a changed blob, another context, another key look the same.
    return failure('InvalidCiphertextException', '');
  }
}

export function kmsHandler(world: World, ids: readonly string[] = DEFAULT_KEYS): Handler {
  const arnOf = (id: string): string => `arn:aws:kms:${world.regions[0] ?? ''}:${world.account}:key/${id}`;
  const keys = ids.map((id): KmsKey => ({ id, arn: arnOf(id), bytes: randomBytes(32) }));
  const keyIn = (input: Record<string, unknown>): KmsKey | undefined =>
    keys.find(({ id, arn }) => input['KeyId'] === id || input['KeyId'] === arn);
  const missing = (input: Record<string, unknown>): JsonResult => {
    const given = input['KeyId'];
    return failure('NotFoundException', `Key '${isText(given) ? given : ''}' does not exist`);
  };
  return jsonHandler(world, {
    service: 'kms',
    version: '1.1',
    targetPrefix: 'TrentService',
    resource: (input) => (isText(input['KeyId']) ? input['KeyId'] : '*'),
    operations: {
      GenerateDataKey: (input) => {
        const key = keyIn(input);
        return key === undefined ? missing(input) : generateDataKey(key, input);
      },
      Decrypt: (input) => {
        const key = keyIn(input);
        return input['KeyId'] !== undefined && key === undefined ? missing(input) : decrypt(keys, key, input);
      },
    },
  });
}
